import type { APIRequestContext, Page } from "@playwright/test";
import { choose, deliver, grants, left, onControlPanel, press } from "./shop";
import { expect, expectAccessible, generateNow, moveClock, shown, signIn, test, tokens } from "./support";

// This file moves the clock by months, and the clock must not move back. So its name sorts last.

const DAY = 86_400_000;
const owner = "owner@bright-audio.test";
const member = "member@bright-audio.test";
const starter = "owner@nightshift-labs.test";

/** Returns the settled AI tokens and Deep tokens. */
const settled = async (page: Page) => {
  await page.goto("/dashboard");
  return [await tokens(page, "settled-ai"), await tokens(page, "settled-deep")] as const;
};

/** Checks the preview of a plan change for one token type: kept, gained and lost now, and the monthly allowance. */
const previews = async (page: Page, label: string, kept: number, gained: string, month: string) => {
  const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: label }) });
  expect((await row.getByRole("cell").allInnerTexts()).slice(0, 3)).toEqual([shown(kept), gained, "0"]);
  await expect(row).toContainText(month);
};

/** Returns the end of the current period, on a plan with an allowance. */
const monthEnd = async (page: Page) => {
  await page.goto("/billing");
  const end = page.getByText("This month's allowance is available until").locator("time");
  return (await end.getAttribute("datetime"))!;
};

/** Moves the clock to one second after an instant and signs in again, because sessions expire before that. */
const later = async (page: Page, instant: string, email: string) => {
  await page.context().clearCookies();
  await page.goto("/signin");
  await moveClock(page, new Date(Date.parse(instant) + 1000).toISOString());
  await signIn(page, email);
};

/** Reloads a page until the check passes, because events take a moment. */
const becomes = (page: Page, path: string, check: () => Promise<unknown>) =>
  expect(async () => {
    await page.goto(path);
    await check();
  }).toPass({ timeout: 10_000 });

const banner = (page: Page) => page.getByRole("banner").getByRole("link", { name: "View details" }).locator("..");

const card = (page: Page, plan: string) =>
  page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: plan, exact: true, level: 2 }) });

/** Returns "yes" if a service may use a feature, or else the code of the refusal. */
const may = async (request: APIRequestContext, key: string, feature: string) => {
  const answer = await request.get(`/api/v1/tokens/check-balance?feature=${feature}`, {
    headers: { Authorization: `Bearer ${key}` },
  });
  const { allowed, refusal } = await answer.json();
  return allowed ? "yes" : refusal.code;
};

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with WebAssembly" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });
    test.slow();

    // A failed test must not leave the next ones without events.
    test.afterEach(({ page }) => deliver(page, "Each event once, in order"));

    /** Checks accessibility. The checker is a script, so this does nothing without JavaScript. */
    const accessible = async (page: Page) => {
      if (javaScriptEnabled) await expectAccessible(page);
    };

    /** Restores the organization: cancels the plan and waits until the remaining allowance expires. */
    const end = async (page: Page) => {
      await page.goto("/dashboard");
      const expires = (await grants(page, "Monthly allowance").first().locator("time").getAttribute("datetime"))!;
      await press(page, "Nightshift Labs", /^Cancel now/);
      await becomes(page, "/license", async () => {
        await expect(page.getByRole("heading", { name: "The subscription has ended" })).toBeVisible({ timeout: 500 });
      });
      await page.goto("/quests");
      await expect(page.getByRole("button", { name: "Generate quests" })).toBeDisabled();
      await later(page, expires, starter);
      expect(await left(page, "Monthly allowance")).toEqual([]);
    };

    test("a plan is subscribed to on Stripe after a preview, and a declined card costs nothing", async ({ page }) => {
      await signIn(page, starter);
      const [ai, deep] = await settled(page);
      await page.goto("/billing");
      await page.getByRole("link", { name: "Subscribe to Pro" }).click();
      await expect(page.getByRole("heading", { name: "Subscribe to Pro", level: 1 })).toBeVisible();
      await expect(page.getByText("$149 today, then $149 every month.")).toBeVisible();
      await previews(page, "AI tokens", ai, "200", "0 → 200");
      await previews(page, "Deep tokens", deep, "20", "0 → 20");
      await accessible(page);

      await page.getByRole("button", { name: "Continue to Stripe" }).click();
      await expect(page.getByRole("heading", { name: "Checkout" })).toBeVisible();
      await expect(page.getByText("Pro, $149 a month")).toBeVisible();
      await accessible(page);
      await page.getByRole("button", { name: "Pay with a declined card" }).click();
      await expect(page.getByRole("alert")).toContainText("The card was declined. Nothing was charged.");
      expect(await (await page.request.get("/billing")).text()).toContain("You are on Starter");
      await page.getByRole("button", { name: "Pay", exact: true }).click();
      await expect(page).toHaveURL(/\/billing$/);
      await expect(card(page, "Pro")).toContainText("Your plan");

      expect(await settled(page)).toEqual([ai + 200, deep + 20]);
      expect(await left(page, "Monthly allowance")).toEqual(["200 of 200", "20 of 20"]);
      const expires = (await grants(page, "Monthly allowance").first().locator("time").getAttribute("datetime"))!;
      expect.soft(await monthEnd(page), "the period is the one that is paid").toBe(expires);
      await generateNow(page, "Fill the night shift with regulars");
      await expect(page.getByText("5 AI tokens charged").first()).toBeVisible();
      expect(await settled(page)).toEqual([ai + 195, deep + 20]);

      // The free plan's month would have ended by now. The paid one has not.
      await later(page, new Date(Date.parse(expires) - DAY).toISOString(), starter);
      await generateNow(page, "Keep the regulars");
      await expect(page.getByText("5 AI tokens charged").first()).toBeVisible();
      expect.soft(await left(page, "Monthly allowance"), "one allowance per token type").toHaveLength(2);
      await end(page);
    });

    test("a user who returns from Stripe before the events arrive is already on the plan", async ({ page }) => {
      await signIn(page, starter);
      const [ai, deep] = await settled(page);
      await choose(page, "pro");
      await expect(page.getByRole("heading", { name: "Checkout" })).toBeVisible();
      const checkout = page.url();
      await deliver(page, "Paused");
      await page.goto(checkout);
      await page.getByRole("button", { name: "Pay", exact: true }).click();
      await expect(card(page, "Pro")).toContainText("Your plan");
      const answer = page.getByText(/^You are on /);
      expect.soft([await answer.innerText(), await banner(page).count()], "on the way back").toEqual(["You are on Pro", 0]);
      expect(await settled(page)).toEqual([ai + 200, deep + 20]);
      await deliver(page, "Each event once, in order");
      await end(page);
    });

    test("canceling Checkout costs nothing, and a new checkout expires the old one", async ({ page }) => {
      await signIn(page, starter);
      const before = await settled(page);
      await choose(page, "enterprise");
      await expect(page.getByRole("heading", { name: "Checkout" })).toBeVisible();
      const first = page.url();
      await page.getByRole("button", { name: "Cancel" }).click();
      await expect(page.getByText("You are on Starter")).toBeVisible();
      await choose(page, "pro");
      await expect(page.getByText("Pro, $149 a month")).toBeVisible();
      await page.goto(first);
      await expect(page.getByText("This checkout has expired. Nothing was charged.")).toBeVisible();
      expect(await settled(page)).toEqual(before);
    });

    test("an upgrade applies immediately, a downgrade at the reset, and packs are not affected", async ({ page }) => {
      await signIn(page, owner);
      const [ai, deep] = await settled(page);
      const packs = await left(page, "Pack");
      expect(packs.length).toBeGreaterThan(0);
      await page.goto("/billing");
      await page.getByRole("link", { name: "Upgrade to Enterprise" }).click();
      await expect(page.getByRole("heading", { name: "Upgrade to Enterprise", level: 1 })).toBeVisible();
      const money = await page.getByRole("region", { name: "What you pay" }).innerText();
      const due = /(\$[\d,.]+) now, for the rest of this month/.exec(money)?.[1];
      expect(money).toContain("$399 on ");
      await previews(page, "AI tokens", ai, "1,800", "200 → 2,000");
      await previews(page, "Deep tokens", deep, "180", "20 → 200");
      await accessible(page);

      await press(page, "Bright Audio", /^Make card fail/);
      await choose(page, "enterprise");
      await expect(page.getByRole("alert")).toContainText("Nothing was changed.");
      await accessible(page);
      expect(await settled(page)).toEqual([ai, deep]);
      await press(page, "Bright Audio", /^Make card work/);

      await page.goto("/billing/plan?to=enterprise");
      await page.getByRole("button", { name: "Upgrade to Enterprise" }).click();
      await expect(page.getByRole("status")).toContainText("Plan changed");
      await expect(page.getByText("You are on Enterprise")).toBeVisible();
      expect(await settled(page)).toEqual([ai + 1800, deep + 180]);
      await page.goto("/billing/purchases");
      await page.getByRole("link", { name: "Plan", exact: true }).first().click();
      await expect(page.getByRole("heading", { name: /^Receipt \d+ for Bright Audio$/ })).toBeVisible();
      const receipt = page.getByRole("region", { name: "Paid. Thank you." });
      await expect(receipt).toContainText("Remaining time on Enterprise");
      await expect(receipt).toContainText(`${due}, `);
      await accessible(page);

      await page.goto("/billing");
      await page.getByRole("button", { name: "Invoices and cards" }).click();
      await expect(page.getByRole("heading", { name: "Customer portal" })).toBeVisible();
      await expect(page.getByRole("listitem").first()).toContainText(`Change to Enterprise, ${due}, paid`);
      await accessible(page);
      await page.getByRole("link", { name: "Return to Brightmeter" }).click();

      // Schedule a downgrade and undo it, then a cancellation and undo it.
      for (const [link, plan, says, month] of [
        ["Downgrade to Pro", "Pro", "Nothing now. $149 a month from ", "2,000 → 200"],
        ["Cancel the subscription", "Starter", "Nothing now, and nothing from ", "2,000 → 0"],
      ] as const) {
        await page.getByRole("link", { name: link }).click();
        await expect(page.getByRole("heading", { name: link, level: 1 })).toBeVisible();
        await expect(page.getByRole("region", { name: "What you pay" })).toContainText(says);
        await previews(page, "AI tokens", ai + 1800, "0", month);
        await page.getByRole("button", { name: link }).click();
        await expect(page.getByText("You are on Enterprise")).toBeVisible();
        await expect(card(page, plan)).toContainText("Next");
        expect(await settled(page)).toEqual([ai + 1800, deep + 180]);

        await page.goto("/billing");
        await page.getByRole("link", { name: "Stay on Enterprise" }).click();
        await expect(page.getByText("Nothing now. You'll keep paying $399 a month.")).toBeVisible();
        await page.getByRole("button", { name: "Stay on Enterprise" }).click();
        await expect(page.getByRole("status")).toContainText("Plan changed");
        await expect(card(page, plan).getByText("Next", { exact: true })).toHaveCount(0);
      }

      await choose(page, "pro");
      await expect(card(page, "Pro")).toContainText("Next");
      await later(page, await monthEnd(page), owner);
      expect(await left(page, "Monthly allowance")).toEqual(["200 of 200", "20 of 20"]);
      expect(await left(page, "Pack")).toEqual(packs);
      await page.goto("/billing");
      await expect(page.getByText("You are on Pro")).toBeVisible();
      await page.getByRole("button", { name: "Invoices and cards" }).click();
      await expect(page.getByRole("listitem").first()).toContainText("Pro, $149, paid");
    });

    test("a failed renewal restricts AI step by step, and paying restores it immediately", async ({ page, request }) => {
      await signIn(page, owner);
      await page.goto("/keys");
      await page.getByLabel("Name").fill(`Ladder ${javaScriptEnabled ? "with" : "without"} scripts`);
      await page.getByRole("button", { name: "Create key" }).click();
      const key = await page.getByLabel("API key", { exact: true }).inputValue();
      const open = async () => [await may(request, key, "quest_generation"), await may(request, key, "strategy_analysis")];
      const failed = await monthEnd(page);
      await press(page, "Bright Audio", /^Make card fail/);
      await later(page, failed, owner);

      // Day 0: every page shows the banner, and nothing stops.
      const stops = page.getByRole("region", { name: "What stops, and when" });
      const history = page.getByRole("region", { name: "History" }).getByRole("listitem");
      await becomes(page, "/license", async () => {
        await expect(page.getByRole("heading", { name: "An invoice of $149 is unpaid" })).toBeVisible({ timeout: 500 });
      });
      const dates = await Promise.all((await stops.locator("time").all()).map((time) => time.getAttribute("datetime")));
      const steps = dates.map((date) => date!);
      expect(steps.map((at) => (Date.parse(at) - Date.parse(failed)) / DAY)).toEqual([3, 7, 14]);
      const first = await stops.locator("time").first().innerText();
      await accessible(page);
      for (const path of ["/dashboard", "/quests", "/activity", "/billing", "/billing/purchases", "/license", "/keys", "/account"]) {
        await page.goto(path);
        await expect(banner(page), path).toContainText("An invoice of $149 is unpaid. Everything is still on.");
        await expect(banner(page), path).toContainText(`Next, on ${first} (in 3 days): Premium features stop.`);
      }
      expect(await open()).toEqual(["yes", "yes"]);
      await page.goto("/billing/plan?to=enterprise");
      await expect(page.getByText("An invoice is unpaid. Pay it first, then upgrade.")).toBeVisible();
      await expect(page.getByRole("main").getByRole("button")).toHaveCount(0);

      // Day 3: members see the banner, too, but not the customer portal.
      await later(page, steps[0]!, member);
      await expect(banner(page)).toContainText("Premium features are off.");
      await page.goto("/license");
      await expect(stops.locator("time")).toHaveCount(2);
      await expect(history.first()).toContainText("Premium features stop.");
      await expect(page.getByRole("button", { name: "Invoices and cards" })).toHaveCount(0);
      expect(await open()).toEqual(["yes", "license_suspended"]);

      // Day 7: packs can be spent, the allowance can't.
      await later(page, steps[1]!, member);
      await expect(banner(page)).toContainText("Premium features and the allowance are off. You can still use packs.");
      const [allowance, packs] = [await left(page, "Monthly allowance"), await left(page, "Pack")];
      await generateNow(page, "Win back the podcast's listeners");
      await expect(page.getByText("5 AI tokens charged").first()).toBeVisible();
      expect(await left(page, "Monthly allowance")).toEqual(allowance);
      expect(await left(page, "Pack")).not.toEqual(packs);
      expect(await open()).toEqual(["yes", "license_suspended"]);

      // Day 14: all AI is off, and pages say what to do.
      await later(page, steps[2]!, member);
      await expect(banner(page)).toContainText("All AI is off because an invoice of $149 is unpaid. Paying it restores everything immediately.");
      expect(await open()).toEqual(["license_suspended", "license_suspended"]);
      await page.goto("/quests");
      await expect(page.getByText("AI is limited: an invoice is unpaid")).toBeVisible();
      await expect(page.getByText("Paying the invoice restores everything immediately. Ask an owner of your organization.")).toBeVisible();
      await expect(page.getByRole("button", { name: "Generate quests" })).toBeDisabled();

      // The owner follows the links to the customer portal and pays. The license is restored before Stripe's events arrive.
      await later(page, steps[2]!, owner);
      await deliver(page, "Paused");
      await page.goto("/quests");
      await page.getByRole("link", { name: "Go to billing" }).click();
      await banner(page).getByRole("link", { name: "View details" }).click();
      await expect(page.getByRole("heading", { name: "AI is paused" })).toBeVisible();
      await page.getByRole("button", { name: "Invoices and cards" }).click();
      await expect(page.getByRole("heading", { name: "Unpaid invoices" })).toBeVisible();
      await accessible(page);
      await page.getByLabel("Card works").check();
      await page.getByRole("button", { name: "Set" }).click();
      await page.getByRole("button", { name: /^Pay/ }).click();
      await expect(page.getByRole("heading", { name: "Unpaid invoices" })).toHaveCount(0);
      await expect(page.getByLabel("Card works")).toBeChecked();
      await page.getByRole("link", { name: "Return to Brightmeter" }).click();
      await expect(page).toHaveURL(/\/billing$/);
      expect.soft(await banner(page).count(), "on the way back").toBe(0);
      await page.goto("/license");
      await expect(page.getByRole("heading", { name: "Active", exact: true })).toBeVisible();
      await expect(banner(page)).toHaveCount(0);
      await expect(history.first()).toContainText("Payments are up to date. Everything is on.");
      await expect(history.nth(1)).toContainText("All AI stopped.");
      expect(await open()).toEqual(["yes", "yes"]);
      await generateNow(page, "Open the third studio");
      await expect(page.getByText("5 AI tokens charged").first()).toBeVisible();
    });

    test("an overdue invoice is paid with one click from any page", async ({ page }) => {
      await signIn(page, owner);
      const failed = await monthEnd(page);
      await press(page, "Bright Audio", /^Make card fail/);
      await later(page, failed, owner);
      await becomes(page, "/quests", async () => {
        await expect(banner(page)).toContainText("An invoice of $149 is unpaid.", { timeout: 500 });
      });
      await page.goto("/billing");
      await expect(page.getByRole("main").getByRole("link", { name: "Pay now" })).toBeVisible();
      await accessible(page);
      await banner(page).getByRole("link", { name: "Pay now" }).click();
      await expect(page.getByText("$149").first()).toBeVisible();
      await page.getByRole("button", { name: "Pay", exact: true }).click();
      await becomes(page, "/quests", async () => {
        await expect(banner(page)).toHaveCount(0, { timeout: 500 });
      });
      await press(page, "Bright Audio", /^Make card work/);
    });

    test("an upgrade that the bank wants confirmed is charged and made once it is confirmed", async ({ page }) => {
      await signIn(page, owner);
      const [ai, deep] = await settled(page);
      await press(page, "Bright Audio", /^Make card need confirmation/);
      await choose(page, "enterprise");
      await expect(page.getByRole("button", { name: "Confirm", exact: true })).toBeVisible();
      // A user who leaves that page finds it again, and is not charged a second time.
      await page.goto("/billing");
      await expect(page.getByText("You are on Pro")).toBeVisible();
      await expect(page.getByText("Confirm the payment for your upgrade")).toBeVisible();
      expect(await banner(page).count()).toBe(0);
      await accessible(page);
      await page.goto("/billing/plan?to=enterprise");
      await expect(page.getByText("An upgrade is waiting for you to confirm its payment.")).toBeVisible();
      expect(await settled(page)).toEqual([ai, deep]);
      await page.goto("/billing");
      await page.getByRole("link", { name: "Confirm the payment" }).click();
      await page.getByRole("button", { name: "Confirm", exact: true }).click();
      await becomes(page, "/billing", async () => {
        await expect(page.getByText("You are on Enterprise")).toBeVisible({ timeout: 500 });
      });
      expect(await settled(page)).toEqual([ai + 1800, deep + 180]);
      await press(page, "Bright Audio", /^Make card work/);
      await choose(page, "pro");
      await later(page, await monthEnd(page), owner);
      await becomes(page, "/billing", async () => {
        await expect(page.getByText("You are on Pro")).toBeVisible({ timeout: 500 });
      });
    });

    test("while a bank debit for the first month is pending, the plan waits and no second page opens", async ({ page }) => {
      await signIn(page, starter);
      await choose(page, "pro");
      await page.getByRole("button", { name: "Pay by bank debit" }).click();
      await becomes(page, "/billing", async () => {
        await expect(page.getByText("Your first payment isn't confirmed yet")).toBeVisible({ timeout: 500 });
      });
      await expect(page.getByText("You are on Starter")).toBeVisible();
      await accessible(page);
      await page.goto("/billing/plan?to=pro");
      await expect(page.getByText("Your bank is still confirming the payment for your subscription.")).toBeVisible();
      await expect(page.getByRole("main").getByRole("button")).toHaveCount(0);
      await onControlPanel(page, (payment) => payment.getByRole("button", { name: "Bank debit succeeds" }).click());
      await becomes(page, "/billing", async () => {
        await expect(page.getByText("You are on Pro")).toBeVisible({ timeout: 500 });
      });
      await end(page);
    });
  });
}
