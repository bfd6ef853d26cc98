import type { Page } from "@playwright/test";
import { choose, fault, onControlPanel, order } from "./shop";
import { expect, generate, hydrate, passSomeTime, signIn } from "./support";

/** A page in a certain state, for screenshots and accessibility checks. */
export interface State {
  name: string;
  /** The signed-in user. Undefined: signed out. */
  email?: string;
  go: (page: Page) => Promise<unknown>;
  /** Cleans up, if the state would affect the next one. */
  leave?: (page: Page) => Promise<unknown>;
}

const member = "member@bright-audio.test";
const owner = "owner@bright-audio.test";
const starter = "owner@nightshift-labs.test";
const enterprise = "owner@stagecraft.test";
const staff = "staff@brightmeter.test";

const job = (goal: string, shows: RegExp) => async (page: Page) => {
  await generate(page, goal);
  await expect(page.getByText(shows).first()).toBeVisible({ timeout: 20_000 });
};

const password = async (page: Page, current: string, next: string) => {
  await page.goto("/account");
  await page.getByLabel("Current password").fill(current);
  await page.getByLabel("New password").fill(next);
  await page.getByRole("button", { name: "Change password" }).click();
};

/** Opens the page of an organization in the staff console. */
const organization = async (page: Page) => {
  await page.goto("/admin/organizations?q=nightshift");
  await page.getByRole("link", { name: "Nightshift Labs" }).click();
  await expect(page.getByRole("heading", { name: "License history" })).toBeVisible();
};

/** Suspends the license or lifts the suspension. */
const suspend = async (page: Page, button: "Suspend" | "Lift", then: string) => {
  await page.getByLabel("Reason").fill("To see what it looks like");
  await page.getByRole("button", { name: button, exact: true }).click();
  await expect(page.getByRole("heading", { name: then })).toBeVisible();
};

/** Schedules a plan for the next month. */
const schedule = async (page: Page, plan: string) => {
  await choose(page, plan);
  await expect(page.getByRole("status").filter({ hasText: "Plan changed" })).toBeVisible();
};

export const states: State[] = [
  { name: "start", go: (page) => page.goto("/") },
  { name: "signin", go: (page) => page.goto("/signin") },
  {
    name: "signin-refused",
    go: async (page) => {
      await page.goto("/signin");
      await page.getByLabel("Email").fill("nobody@bright-audio.test");
      await page.getByLabel("Password").fill("a guess");
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await expect(page.getByRole("alert")).toBeVisible();
    },
  },
  { name: "dashboard", email: member, go: (page) => page.goto("/dashboard") },
  {
    name: "menu",
    email: member,
    go: async (page) => {
      await page.goto("/dashboard");
      await page.locator(".menu > summary").click();
    },
  },
  {
    name: "dashboard-offline",
    email: member,
    go: async (page) => {
      await page.goto("/dashboard");
      await hydrate(page);
      await page.context().setOffline(true);
      await expect(page.getByText("You're offline")).toBeVisible();
    },
    leave: (page) => page.context().setOffline(false),
  },
  {
    name: "dashboard-not-refreshed",
    email: member,
    go: async (page) => {
      await page.goto("/dashboard");
      await hydrate(page);
      await page.route("**/ui/balances*", (route) => route.abort());
      await page.getByRole("button", { name: "Refresh" }).click();
      await expect(page.getByRole("alert")).toBeVisible();
    },
    leave: (page) => page.unroute("**/ui/balances*"),
  },
  { name: "dashboard-two-organizations", email: "admin@bright-audio.test", go: (page) => page.goto("/dashboard") },
  { name: "keys", email: "admin@bright-audio.test", go: (page) => page.goto("/keys") },
  {
    name: "keys-made",
    email: "admin@bright-audio.test",
    go: async (page) => {
      await page.goto("/keys");
      await page.getByLabel("Name").fill("Billing service");
      await page.getByRole("button", { name: "Create key" }).click();
      await expect(page.getByLabel("API key", { exact: true })).toHaveValue(/^bm_test_/);
    },
  },
  {
    name: "keys-revoke",
    email: "admin@bright-audio.test",
    go: async (page) => {
      await page.goto("/keys");
      await page.getByRole("button", { name: "Revoke" }).first().click();
      await expect(page.getByRole("dialog", { name: "Revoke this API key?" })).toBeVisible();
    },
  },
  { name: "keys-forbidden", email: member, go: (page) => page.goto("/keys") },
  { name: "dashboard-starter", email: starter, go: (page) => page.goto("/dashboard") },
  { name: "dashboard-enterprise", email: enterprise, go: (page) => page.goto("/dashboard") },
  { name: "quests", email: member, go: (page) => page.goto("/quests") },
  { name: "quests-starter", email: starter, go: (page) => page.goto("/quests") },
  {
    name: "quests-goal-too-short",
    email: member,
    go: async (page) => {
      await generate(page, "ok");
      await expect(page.getByRole("alert").first()).toBeVisible();
    },
  },
  {
    name: "quests-running",
    email: member,
    go: job("Open a second studio #slow", /reserved/),
    // The page reloads once when the job ends, which aborts a navigation in progress. So navigate again.
    leave: (page) => page.goto("about:blank").catch(() => page.goto("about:blank")),
  },
  { name: "quests-delivered", email: member, go: job("Sell 300 tickets for the winter concert", /charged/) },
  { name: "quests-not-charged", email: member, go: job("Grow the newsletter #fail", /not charged/i) },
  {
    name: "quests-marked",
    email: member,
    go: async (page) => {
      await page.goto("/quests");
      await page.getByRole("button", { name: /^Mark done/ }).first().click();
      await expect(page.getByRole("status").filter({ hasText: "Marked done" })).toBeVisible();
    },
  },
  {
    name: "job-summary",
    email: member,
    go: async (page) => {
      await page.goto("/activity?feature=quest_generation");
      await page.getByRole("link", { name: /Job summary for entry/ }).first().click();
      await expect(page.getByRole("heading", { name: /^Job summary for/ })).toBeVisible();
    },
  },
  { name: "activity", email: member, go: (page) => page.goto("/activity") },
  { name: "activity-nothing-matches", email: member, go: (page) => page.goto("/activity?from=2020-01-01&to=2020-01-02") },
  { name: "activity-filter-wrong", email: member, go: (page) => page.goto("/activity?from=never&to=2026-02-30") },
  { name: "plans", email: member, go: (page) => page.goto("/billing") },
  { name: "plans-starter", email: starter, go: (page) => page.goto("/billing") },
  { name: "plans-owner", email: owner, go: (page) => page.goto("/billing") },
  {
    name: "plans-stripe-silent",
    email: owner,
    go: async (page) => {
      await fault(page, "API requests return status 500");
      await page.goto("/billing");
      await page.getByRole("button", { name: "Buy Booster" }).click();
      await expect(page.getByRole("alert")).toBeVisible();
    },
    leave: (page) => fault(page, "No fault"),
  },
  { name: "plan-choice", email: owner, go: (page) => page.goto("/billing/plan?to=enterprise") },
  { name: "plan-choice-end", email: owner, go: (page) => page.goto("/billing/plan?to=starter") },
  { name: "plan-choice-same", email: owner, go: (page) => page.goto("/billing/plan?to=pro") },
  { name: "plan-choice-unknown", email: owner, go: (page) => page.goto("/billing/plan?to=nothing") },
  {
    name: "plan-choice-stripe-silent",
    email: owner,
    go: async (page) => {
      await fault(page, "API requests return status 500");
      await page.goto("/billing/plan?to=enterprise");
      await expect(page.getByText("Our payment provider isn't responding right now.")).toBeVisible();
    },
    leave: (page) => fault(page, "No fault"),
  },
  {
    name: "portal",
    email: owner,
    go: async (page) => {
      await page.goto("/billing");
      await page.getByRole("button", { name: "Invoices and cards" }).click();
      await expect(page.getByRole("heading", { name: "Customer portal" })).toBeVisible();
    },
  },
  {
    name: "checkout",
    email: owner,
    go: order,
  },
  {
    name: "purchase-left",
    email: owner,
    go: async (page) => {
      await order(page);
      await page.getByRole("button", { name: "Cancel" }).click();
      await expect(page.getByRole("heading", { name: "Not paid" })).toBeVisible();
    },
  },
  {
    name: "purchase-pending",
    email: owner,
    go: async (page) => {
      await order(page);
      await page.getByRole("button", { name: "Pay by bank debit" }).click();
      await expect(page.getByRole("heading", { name: "Payment processing" })).toBeVisible();
    },
  },
  {
    name: "purchase-disputed",
    email: owner,
    go: async (page) => {
      await order(page);
      await page.getByRole("button", { name: "Pay", exact: true }).click();
      await expect(page.getByRole("heading", { name: "Paid. Thank you." })).toBeVisible();
      const here = page.url();
      await onControlPanel(page, (payment) => payment.getByRole("button", { name: /^Dispute/ }).click());
      await expect(async () => {
        await page.goto(here);
        await expect(page.getByText("disputed with the bank")).toBeVisible({ timeout: 500 });
      }).toPass({ timeout: 10_000 });
    },
  },
  { name: "purchases", email: owner, go: (page) => page.goto("/billing/purchases") },
  { name: "sandbox", email: owner, go: (page) => page.goto("/sandbox/stripe") },
  { name: "purchases-none", email: starter, go: (page) => page.goto("/billing/purchases") },
  { name: "plan-choice-start", email: starter, go: (page) => page.goto("/billing/plan?to=pro") },
  { name: "plan-choice-free", email: starter, go: (page) => page.goto("/billing/plan?to=starter") },
  {
    name: "plan-checkout",
    email: starter,
    go: async (page) => {
      await choose(page, "pro");
      await expect(page.getByRole("heading", { name: "Checkout" })).toBeVisible();
    },
  },
  {
    name: "plans-left",
    email: starter,
    go: async (page) => {
      await choose(page, "enterprise");
      await page.getByRole("button", { name: "Cancel" }).click();
      await expect(page).toHaveURL(/\/billing\?flash=checkout-left$/);
    },
  },
  { name: "plan-choice-down", email: enterprise, go: (page) => page.goto("/billing/plan?to=pro") },
  {
    name: "plans-next-month",
    email: enterprise,
    go: (page) => schedule(page, "pro"),
    leave: (page) => schedule(page, "enterprise"),
  },
  {
    name: "plan-choice-stay",
    email: enterprise,
    go: async (page) => {
      await schedule(page, "starter");
      await page.goto("/billing/plan?to=enterprise");
    },
    leave: (page) => schedule(page, "enterprise"),
  },
  { name: "plan-choice-forbidden", email: member, go: (page) => page.goto("/billing/plan?to=enterprise") },
  { name: "purchases-forbidden", email: member, go: (page) => page.goto("/billing/purchases") },
  { name: "license", email: member, go: (page) => page.goto("/license") },
  { name: "api-docs", email: member, go: (page) => page.goto("/api/docs") },
  { name: "account", email: member, go: (page) => page.goto("/account") },
  {
    name: "account-sign-out-everywhere",
    email: member,
    go: async (page) => {
      await page.goto("/account");
      await page.getByRole("button", { name: "Sign out everywhere", exact: true }).click();
      await expect(page.getByRole("dialog")).toBeVisible();
    },
  },
  { name: "account-wrong-password", email: member, go: (page) => password(page, "a guess", "long enough to be one") },
  { name: "staff-console", email: staff, go: (page) => page.goto("/admin") },
  { name: "staff-pricing", email: staff, go: (page) => page.goto("/admin/pricing") },
  {
    name: "staff-pricing-under-floor",
    email: staff,
    go: (page) => page.goto("/admin/pricing?price-pack-booster=2400&sold-booster=20"),
  },
  { name: "staff-pricing-wrong", email: staff, go: (page) => page.goto("/admin/pricing?customers-pro=many") },
  { name: "staff-organizations", email: staff, go: (page) => page.goto("/admin/organizations") },
  { name: "staff-organizations-nothing-found", email: staff, go: (page) => page.goto("/admin/organizations?q=nobody") },
  { name: "staff-organization", email: staff, go: organization },
  {
    name: "staff-organization-no-reason",
    email: staff,
    go: async (page) => {
      await organization(page);
      await page.getByLabel("Reason").fill("   ");
      await page.getByRole("button", { name: "Suspend", exact: true }).click();
      await expect(page.getByRole("alert")).toBeVisible();
    },
  },
  {
    name: "staff-organization-suspended",
    email: staff,
    go: async (page) => {
      await organization(page);
      await suspend(page, "Suspend", "Lift the suspension");
    },
  },
  { name: "license-suspended", email: starter, go: (page) => page.goto("/license") },
  { name: "plans-suspended", email: starter, go: (page) => page.goto("/billing") },
  {
    name: "staff-organization-lifted",
    email: staff,
    go: async (page) => {
      await organization(page);
      await suspend(page, "Lift", "Suspend the license");
    },
  },
  { name: "staff-events", email: staff, go: (page) => page.goto("/admin/events") },
  { name: "staff-events-processed", email: staff, go: (page) => page.goto("/admin/events?state=processed") },
  { name: "staff-events-wrong-filter", email: staff, go: (page) => page.goto("/admin/events?state=lost&type=a+b&q=cus_0") },
  { name: "staff-reconciliation", email: staff, go: (page) => page.goto("/admin/reconciliation") },
  {
    name: "staff-reconciliation-compared",
    email: staff,
    go: async (page) => {
      await page.goto("/admin/reconciliation");
      await page.getByRole("button", { name: "Compare with Stripe" }).click();
      await expect(page.getByRole("status")).toBeVisible({ timeout: 60_000 });
    },
  },
  { name: "staff-console-for-others", email: owner, go: (page) => page.goto("/admin/pricing") },
  { name: "not-found", email: member, go: (page) => page.goto("/nothing-here") },
  { name: "not-found-signed-out", go: (page) => page.goto("/nothing-here") },
];

/** Visits all states, signing in as each state's user. */
export async function visit(page: Page, inspect: (state: State) => Promise<void>): Promise<void> {
  let email: string | undefined;
  for (const state of states) {
    if (state.email !== email) {
      await page.context().clearCookies();
      if (state.email) await signIn(page, state.email);
      email = state.email;
    }
    await passSomeTime(page);
    await state.go(page);
    await inspect(state);
    await state.leave?.(page);
  }
}
