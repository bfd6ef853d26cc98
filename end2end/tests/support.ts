import AxeBuilder from "@axe-core/playwright";
import { expect, test as base, type Page } from "@playwright/test";

/**
 * Fails a test on any console error or warning and on any failed request. A page itself may respond with 4xx, as a refused
 * form does, so console messages about failed loads are ignored and responses are checked instead.
 */
export const test = base.extend<{ console: string[] }>({
  console: [
    async ({ page }, use) => {
      const bad: string[] = [];
      page.on("console", (message) => {
        const failedLoad = message.text().startsWith("Failed to load resource");
        if (!failedLoad && ["error", "warning"].includes(message.type())) bad.push(message.text());
      });
      page.on("pageerror", (error) => bad.push(String(error)));
      page.on("response", (response) => {
        const limit = response.request().isNavigationRequest() ? 500 : 400;
        if (response.status() >= limit) bad.push(`${response.status()} ${response.url()}`);
      });
      await use(bad);
      expect(bad, "the browser's console").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

export async function signIn(page: Page, email = "member@bright-audio.test"): Promise<void> {
  await page.goto("/signin");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill("brightmeter-demo");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page).toHaveURL(/\/(dashboard|admin)$/);
}

/** Returns the number in an element of the dashboard, such as `available-ai`. */
export async function tokens(page: Page, id: string): Promise<number> {
  const text = await page.getByTestId(id).innerText();
  return Number(text.replaceAll(",", ""));
}

/** Formats a number as pages do: `4,110`. */
export const shown = (number: number): string => number.toLocaleString("en-US");

/** Triggers hydration of the dashboard and waits for it. */
export async function hydrate(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Refresh" }).hover();
  await expect(page.locator("[data-awake]")).toBeVisible();
}

export async function generate(page: Page, goal: string): Promise<void> {
  await passSomeTime(page);
  await generateNow(page, goal);
}

/** Generates quests without moving the clock first. */
export async function generateNow(page: Page, goal: string): Promise<void> {
  await page.goto("/quests");
  await page.getByLabel("Goal").fill(goal);
  await page.getByRole("button", { name: "Generate quests" }).click();
}

export async function expectAccessible(page: Page): Promise<void> {
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
  expect(found.violations.map((violation) => `${violation.id}: ${violation.nodes[0]?.html}`)).toEqual([]);
}

/** Moves the demo's clock forward, past limits of a few seconds. It runs 600 times as fast as real time. */
export async function passSomeTime(page: Page): Promise<void> {
  const started = Number(process.env.E2E_STARTED);
  await moveClock(page, new Date(started + (Date.now() - started) * 600).toISOString());
}

/** Sets the demo's clock. */
export async function moveClock(page: Page, now: string): Promise<void> {
  const response = await page.request.post("/api/v1/test-clock", { data: { now } });
  expect(response.ok()).toBe(true);
}
