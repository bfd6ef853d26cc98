import type { Page } from "@playwright/test";
import { deliver, desk, order } from "./shop";
import { expect, expectAccessible, signIn, test, tokens } from "./support";

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with WebAssembly" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });

    const balance = async (page: Page) => {
      await page.goto("/dashboard");
      return [await tokens(page, "available-ai"), await tokens(page, "available-deep")];
    };

    /** The balance, once it is that: events take a moment. */
    const becomes = (page: Page, ai: number) =>
      expect(async () => expect((await balance(page))[0]).toBe(ai)).toPass({ timeout: 10_000 });

    test("an owner buys a pack, gets the tokens and a receipt, and a refund takes them back", async ({ page }) => {
      await signIn(page, "owner@bright-audio.test");
      const [ai, deep] = await balance(page);
      await page.getByRole("link", { name: "Buy tokens" }).or(page.getByRole("button", { name: "Buy tokens" })).first().click();
      await page.getByRole("button", { name: "Buy Booster" }).click();
      await expect(page.getByRole("heading", { name: "Checkout" })).toBeVisible();
      await page.getByRole("button", { name: "Pay", exact: true }).click();

      await expect(page.getByRole("heading", { name: "Paid. Thank you!" })).toBeVisible();
      await expect(page.getByRole("heading", { name: /^Receipt \d+ for Bright Audio$/ })).toBeVisible();
      await expect(page.getByText("500 AI tokens and 50 Deep tokens were credited")).toBeVisible();
      const receipt = page.url().replace(/\?.*/, "");
      expect(await balance(page)).toEqual([ai + 500, deep + 50]);
      await page.goto("/activity");
      await expect(page.locator("tr[data-seq]").filter({ hasText: "+500" }).first()).toContainText("Booster");

      await desk(page, async (payment) => {
        await payment.getByLabel("Cents to refund").fill("1450");
        await payment.getByRole("button", { name: /^Refund/ }).click();
      });
      await becomes(page, ai + 250);
      await page.goto(receipt);
      await expect(page.getByText("$14.50, and 250 AI tokens and 25 Deep tokens with it")).toBeVisible();
      await desk(page, (payment) => payment.getByRole("button", { name: /^Let the refund fail/ }).click());
      await becomes(page, ai + 500);

      await desk(page, (payment) => payment.getByRole("button", { name: /^Dispute/ }).click());
      await becomes(page, ai);
      await page.goto(receipt);
      await expect(page.getByText("The payment is disputed with the bank")).toBeVisible();
      await desk(page, (payment) => payment.getByRole("button", { name: /^Win the dispute/ }).click());
      await becomes(page, ai + 500);
    });

    test("a card that is declined, and leaving, cost nothing; the order can be paid later", async ({ page }) => {
      await signIn(page, "owner@bright-audio.test");
      const [ai] = await balance(page);
      await order(page);
      await page.getByRole("button", { name: "Card is declined" }).click();
      await expect(page.getByRole("alert")).toContainText("The card was declined. Nothing was charged.");
      await page.getByRole("button", { name: "Cancel" }).click();
      await expect(page.getByText("You left before paying. Nothing was charged")).toBeVisible();
      expect((await balance(page))[0]).toBe(ai);
      await page.goto("/billing/purchases");
      await page.getByRole("listitem").filter({ hasText: "Not paid yet" }).first().getByRole("link").click();
      await page.getByRole("link", { name: "Go on to pay" }).click();
      await page.getByRole("button", { name: "Pay", exact: true }).click();
      await expect(page.getByRole("heading", { name: "Paid. Thank you!" })).toBeVisible();
      expect((await balance(page))[0]).toBe(ai + 500);
    });

    test("a bank debit is on its way until the bank has paid, or has not", async ({ page }) => {
      await signIn(page, "owner@bright-audio.test");
      const [ai] = await balance(page);
      for (const [button, ends] of [["The bank pays", "Paid. Thank you!"], ["The bank bounces", "The payment failed"]] as const) {
        await order(page);
        await page.getByRole("button", { name: "Pay by bank debit" }).click();
        await expect(page.getByRole("heading", { name: "On its way" })).toBeVisible();
        const here = page.url().replace(/\?.*/, "");
        await desk(page, (payment) => payment.getByRole("button", { name: new RegExp(`^${button}`) }).click());
        await expect(async () => {
          await page.goto(here);
          await expect(page.getByRole("heading", { name: ends })).toBeVisible({ timeout: 500 });
        }).toPass({ timeout: 10_000 });
      }
      expect((await balance(page))[0]).toBe(ai + 500);
    });

    test("events that come twice and in any order change nothing", async ({ page }) => {
      await signIn(page, "owner@bright-audio.test");
      const [ai] = await balance(page);
      await deliver(page, "In random order, each one to three times");
      await order(page);
      await page.getByRole("button", { name: "Pay", exact: true }).click();
      await desk(page, (payment) => payment.getByRole("button", { name: /^Refund/ }).click());
      await becomes(page, ai);
      await deliver(page, "Each event once, in order");
      expect((await balance(page))[0]).toBe(ai);
    });
  });
}

test("Checkout, the desk and the receipt can be used by everybody", async ({ page }) => {
  await signIn(page, "owner@bright-audio.test");
  await order(page);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Pay", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Paid. Thank you!" })).toBeVisible();
  await expectAccessible(page);
  await page.goto("/sandbox/stripe");
  await expectAccessible(page);
});
