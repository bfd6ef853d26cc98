import { rmSync } from "node:fs";
import type { Page } from "@playwright/test";
import { start, type Server } from "../api/production";
import { yearlyCatalog } from "../api/support";
import { choose, left, press } from "./shop";
import { expect, expectAccessible, moveClock, signIn, test } from "./support";

// A demo of its own, because the default catalog has no yearly plan.

const DAY = 86_400_000;
const owner = "owner@nightshift-labs.test";
const catalog = yearlyCatalog();
const address = "127.0.0.1:3119";
let demo: Server | undefined;

/** The end of this month's allowance, in milliseconds. */
const allowanceEnd = async (page: Page) => {
  await page.goto("/billing");
  const end = page.getByText("This month's allowance is available until").locator("time");
  return Date.parse((await end.getAttribute("datetime"))!);
};

/** The number of receipts for a year. */
const receipts = async (page: Page) => {
  await page.goto("/billing/purchases");
  await expect(page.getByText("$1,490").first()).toBeVisible();
  return page.getByText("$1,490").count();
};

test.use({ baseURL: `http://${address}` });

test.beforeAll(async () => {
  test.setTimeout(90_000);
  demo = await start("demo", address, { BRIGHTMETER_CATALOG: catalog, BRIGHTMETER_TEST_CLOCK: "1" });
});

test.afterAll(async () => {
  await demo?.stop();
  rmSync(catalog);
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with WebAssembly" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });
    test.slow();

    test("a yearly plan is paid once a year, has an allowance each month, and shows a scheduled change", async ({ page }) => {
      await signIn(page, owner);
      await page.goto("/billing");
      await page.getByRole("link", { name: "Subscribe to Pro, yearly" }).click();
      await expect(page.getByText("$1,490 today, then $1,490 every year.")).toBeVisible();
      await page.getByRole("button", { name: "Continue to Stripe" }).click();
      await expect(page.getByText("Pro, yearly, $1,490 a year")).toBeVisible();
      await page.getByRole("button", { name: "Pay", exact: true }).click();
      await expect(page).toHaveURL(/\/billing$/);
      await expect(page.getByText("You are on Pro, yearly")).toBeVisible();
      const monthEnd = await allowanceEnd(page);
      expect(await left(page, "Monthly allowance")).toEqual(["200 of 200", "20 of 20"]);
      const paid = await receipts(page);

      // Another month of the year: a new allowance, and no payment.
      await page.context().clearCookies();
      await page.goto("/signin");
      await moveClock(page, new Date(monthEnd + 1000).toISOString());
      await signIn(page, owner);
      expect(await left(page, "Monthly allowance")).toEqual(["200 of 200", "20 of 20"]);
      const month = (await allowanceEnd(page)) - monthEnd;
      expect([28, 29, 30, 31]).toContain(Math.round(month / DAY));
      expect(await receipts(page)).toBe(paid);

      // To a smaller interval only by a schedule at Stripe, which staying withdraws.
      await page.goto("/billing/plan?to=pro");
      await expect(page.getByRole("main")).toContainText("Your plan is billed in another interval.");
      await page.goto("/sandbox/stripe");
      const subscription = page.getByRole("article").filter({ hasText: "Nightshift Labs" }).first();
      await subscription.locator("summary").filter({ hasText: "More" }).click();
      const schedule = subscription.locator("form").filter({ hasText: "Schedule a change" });
      await schedule.getByRole("combobox").selectOption({ label: "Pro, $149 a month" });
      await schedule.getByRole("button").click();
      const notice = page.getByText(/You'll move to Pro on \d/);
      await expect(async () => {
        await page.goto("/billing");
        await expect(notice).toBeVisible({ timeout: 500 });
      }).toPass({ timeout: 10_000 });
      if (javaScriptEnabled) await expectAccessible(page);
      await page.goto("/billing/plan?to=enterprise");
      await expect(page.getByRole("main")).toContainText("Undo it first by staying on your current plan");
      await choose(page, "pro-yearly");
      await expect(page).toHaveURL(/flash=plan-chosen$/);
      await expect(notice).toBeHidden();

      // The rest of the year is credited against another plan's month.
      await page.goto("/billing/plan?to=enterprise");
      await expect(page.getByRole("main")).toContainText("for a month that starts today; credit for your unused time is applied.");
      await press(page, "Nightshift Labs", /^Cancel now/);
    });
  });
}
