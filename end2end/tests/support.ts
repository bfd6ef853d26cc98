import AxeBuilder from "@axe-core/playwright";
import { expect, test as base, type Page } from "@playwright/test";

/**
 * Every test watches the console and the network: an error, a warning or a failed request fails it. The browser also notes
 * when a page itself answers 4xx, which a refused form rightly does: that is looked at by its response, not by its note.
 */
export const test = base.extend<{ console: string[] }>({
  console: [
    async ({ page }, use) => {
      const bad: string[] = [];
      page.on("console", (message) => {
        const note = message.text().startsWith("Failed to load resource");
        if (!note && ["error", "warning"].includes(message.type())) bad.push(message.text());
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

/** The number in an element of the dashboard, such as `available-ai`. */
export async function tokens(page: Page, id: string): Promise<number> {
  const text = await page.getByTestId(id).innerText();
  return Number(text.replaceAll(",", ""));
}

/** A number as pages show it: `4,110`. */
export const shown = (number: number): string => number.toLocaleString("en-US");

/** Turns to the dashboard, and waits until it has come to life. */
export async function wake(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Refresh" }).hover();
  await expect(page.locator("[data-awake]")).toBeVisible();
}

export async function generate(page: Page, goal: string): Promise<void> {
  await passSomeTime(page);
  await ask(page, goal);
}

/** The same at once, where time must not be touched. */
export async function ask(page: Page, goal: string): Promise<void> {
  await page.goto("/quests");
  await page.getByLabel("Goal").fill(goal);
  await page.getByRole("button", { name: "Generate quests" }).click();
}

export async function expectAccessible(page: Page): Promise<void> {
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
  expect(found.violations.map((violation) => `${violation.id}: ${violation.nodes[0]?.html}`)).toEqual([]);
}

/** Moves the demo's clock on, past limits that are over in seconds: it runs 600 times as fast as the wall's. */
export async function passSomeTime(page: Page): Promise<void> {
  const started = Number(process.env.E2E_STARTED);
  await moveClock(page, new Date(started + (Date.now() - started) * 600).toISOString());
}

/** Moves the demo's clock to that instant. */
export async function moveClock(page: Page, now: string): Promise<void> {
  const response = await page.request.post("/api/v1/test-clock", { data: { now } });
  expect(response.ok()).toBe(true);
}
