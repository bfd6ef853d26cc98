import type { Locator, Page } from "@playwright/test";
import { expect } from "./support";

const address = "/sandbox/stripe";

/** Orders a pack and stops at Checkout. */
export async function order(page: Page): Promise<void> {
  await page.goto("/billing");
  await page.getByRole("button", { name: "Buy Booster" }).click();
  await expect(page.getByRole("heading", { name: "Checkout" })).toBeVisible();
}

/** Acts on the latest payment on the sandbox's control panel. */
export async function onControlPanel(page: Page, act: (payment: Locator) => Promise<unknown>): Promise<void> {
  await page.goto(address);
  await act(page.getByRole("article").first());
  await expect(page).toHaveURL(new RegExp(`${address}$`));
}

/** Presses a button of an organization's latest subscription on the sandbox's control panel. */
export async function press(page: Page, organization: string, button: RegExp): Promise<void> {
  await page.goto(address);
  await page.getByRole("article").filter({ hasText: organization }).first().getByRole("button", { name: button }).click();
  await expect(page).toHaveURL(new RegExp(`${address}$`));
}

/** Chooses a plan on its preview page. */
export async function choose(page: Page, plan: string): Promise<void> {
  await page.goto(`/billing/plan?to=${plan}`);
  await page.getByRole("main").getByRole("button").click();
}

/** Sets how events are delivered. */
export const deliver = (page: Page, choice: string) => set(page, "Event delivery", choice);

/** Sets the fault of the sandbox's API. */
export const fault = (page: Page, choice: string) => set(page, "API fault", choice);

async function set(page: Page, what: string, choice: string): Promise<void> {
  await page.goto(address);
  const form = page.locator("form").filter({ hasText: what });
  await form.getByLabel(choice).check();
  await form.getByRole("button").click();
  await expect(page).toHaveURL(new RegExp(`${address}$`));
}

/** The grants of a source on the dashboard. */
export const grants = (page: Page, source: "Pack" | "Monthly allowance") =>
  page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: source, exact: true }) });

/** Returns the remaining tokens of the grants of a source. */
export const left = async (page: Page, source: "Pack" | "Monthly allowance") => {
  await page.goto("/dashboard");
  const rows = await grants(page, source).allInnerTexts();
  return rows.map((text) => /[\d,]+ of [\d,]+/.exec(text)?.[0]);
};
