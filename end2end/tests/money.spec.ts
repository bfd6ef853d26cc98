import type { Page } from "@playwright/test";
import { deliver, onControlPanel, order } from "./shop";
import { expect, expectAccessible, signIn, test, tokens } from "./support";

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with WebAssembly" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });

    const balance = async (page: Page) => {
      await page.goto("/dashboard");
      return [await tokens(page, "available-ai"), await tokens(page, "available-deep")];
    };

    /** Waits for the balance, because events take a moment. */
    const becomes = (page: Page, ai: number) =>
      expect(async () => expect((await balance(page))[0]).toBe(ai)).toPass({ timeout: 10_000 });

    test("an owner buys a pack, gets tokens and a receipt, and a refund removes the tokens", async ({ page }) => {
      await signIn(page, "owner@bright-audio.test");
      const [ai, deep] = await balance(page);
      await page.getByRole("link", { name: "Buy tokens" }).or(page.getByRole("button", { name: "Buy tokens" })).first().click();
      await page.getByRole("button", { name: "Buy Booster" }).click();
      await expect(page.getByRole("heading", { name: "Checkout" })).toBeVisible();
      await page.getByRole("button", { name: "Pay", exact: true }).click();

      await expect(page.getByRole("heading", { name: "Paid. Thank you." })).toBeVisible();
      await expect(page.getByRole("heading", { name: /^Receipt \d+ for Bright Audio$/ })).toBeVisible();
      await expect(page.getByText("500 AI tokens and 50 Deep tokens were credited")).toBeVisible();
      const receipt = page.url().replace(/\?.*/, "");
      expect(await balance(page)).toEqual([ai + 500, deep + 50]);
      await page.goto("/activity");
      await expect(page.locator("tr[data-seq]").filter({ hasText: "+500" }).first()).toContainText("Booster");

      await onControlPanel(page, async (payment) => {
        await payment.getByLabel("Refund amount in cents").fill("1450");
        await payment.getByRole("button", { name: /^Refund/ }).click();
      });
      await becomes(page, ai + 250);
      await page.goto(receipt);
      await expect(page.getByText("$14.50, 250 AI tokens and 25 Deep tokens removed")).toBeVisible();
      await onControlPanel(page, (payment) => payment.getByRole("button", { name: /^Fail refund/ }).click());
      await becomes(page, ai + 500);

      await onControlPanel(page, (payment) => payment.getByRole("button", { name: /^Dispute/ }).click());
      await becomes(page, ai);
      await page.goto(receipt);
      await expect(page.getByText("The payment is disputed with the bank")).toBeVisible();
      await onControlPanel(page, (payment) => payment.getByRole("button", { name: /^Win dispute/ }).click());
      await becomes(page, ai + 500);
    });

    test("a declined card and a canceled checkout cost nothing, and the order can be paid later", async ({ page }) => {
      await signIn(page, "owner@bright-audio.test");
      const [ai] = await balance(page);
      await order(page);
      await page.getByRole("button", { name: "Pay with a declined card" }).click();
      await expect(page.getByRole("alert")).toContainText("The card was declined. Nothing was charged.");
      await page.getByRole("button", { name: "Cancel" }).click();
      await expect(page.getByText("You left before paying. Nothing was charged")).toBeVisible();
      expect((await balance(page))[0]).toBe(ai);
      await page.goto("/billing/purchases");
      await page.getByRole("listitem").filter({ hasText: "Not paid yet" }).first().getByRole("link").click();
      await page.getByRole("link", { name: "Continue to payment" }).click();
      await page.getByRole("button", { name: "Pay", exact: true }).click();
      await expect(page.getByRole("heading", { name: "Paid. Thank you." })).toBeVisible();
      expect((await balance(page))[0]).toBe(ai + 500);
    });

    test("a bank debit is processing until the bank pays or declines", async ({ page }) => {
      await signIn(page, "owner@bright-audio.test");
      const [ai] = await balance(page);
      for (const [button, ends] of [["Bank debit succeeds", "Paid. Thank you."], ["Bank debit fails", "Payment failed"]] as const) {
        await order(page);
        await page.getByRole("button", { name: "Pay by bank debit" }).click();
        await expect(page.getByRole("heading", { name: "Payment processing" })).toBeVisible();
        const here = page.url().replace(/\?.*/, "");
        await onControlPanel(page, (payment) => payment.getByRole("button", { name: new RegExp(`^${button}`) }).click());
        await expect(async () => {
          await page.goto(here);
          await expect(page.getByRole("heading", { name: ends })).toBeVisible({ timeout: 500 });
        }).toPass({ timeout: 10_000 });
      }
      expect((await balance(page))[0]).toBe(ai + 500);
    });

    test("duplicate and reordered events don't change the result", async ({ page }) => {
      await signIn(page, "owner@bright-audio.test");
      const [ai] = await balance(page);
      await deliver(page, "In random order, each event 1–3 times");
      await order(page);
      await page.getByRole("button", { name: "Pay", exact: true }).click();
      await onControlPanel(page, (payment) => payment.getByRole("button", { name: /^Refund/ }).click());
      await becomes(page, ai);
      await deliver(page, "Each event once, in order");
      expect((await balance(page))[0]).toBe(ai);
    });
  });
}

test("Checkout, the control panel and the receipt are accessible", async ({ page }) => {
  await signIn(page, "owner@bright-audio.test");
  await order(page);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Pay", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Paid. Thank you." })).toBeVisible();
  await expectAccessible(page);
  await page.goto("/sandbox/stripe");
  await expectAccessible(page);
});
