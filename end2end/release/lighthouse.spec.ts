import { chromium, type Browser } from "@playwright/test";
import lighthouse from "lighthouse";
import { expect, signIn, test } from "../tests/support";
import config, { address } from "../playwright.config";

const MIN_SCORE = 98;
const CATEGORIES = ["accessibility", "best-practices", "performance", "seo"];
/** The maximum number of runs. Other load on the machine can only lower a score, so the best run counts. */
const TRIES = 3;
const port = 3118;

let browser: Browser;

test.beforeAll(async () => {
  const options = config.use?.launchOptions;
  browser = await chromium.launch({ ...options, args: [...(options?.args ?? []), `--remote-debugging-port=${port}`] });
});

test.afterAll(() => browser.close());

/** Returns the scores (0 to 100) of one visit by a mid-range phone on a slow network. */
async function scores(path: string, cookie: string): Promise<Record<string, number>> {
  const extraHeaders = cookie ? { Cookie: cookie } : undefined;
  const flags = { port, logLevel: "error" as const, onlyCategories: CATEGORIES, extraHeaders };
  const result = await lighthouse(`http://${address}${path}`, flags);
  const categories = Object.values(result?.lhr.categories ?? {});
  const failed = Object.values(result?.lhr.audits ?? {}).filter((audit) => audit.score !== null && audit.score < 0.9);
  console.log(path, ...categories.map(({ id, score }) => `${id} ${Math.round((score ?? 0) * 100)}`));
  for (const { id, displayValue } of failed) console.log(`   ${id} ${displayValue ?? ""}`);
  return Object.fromEntries(categories.map(({ id, score }) => [id, Math.round((score ?? 0) * 100)]));
}

for (const path of ["/signin", "/dashboard", "/quests", "/activity", "/billing"]) {
  test(`${path} is fast, accessible and follows best practices on a phone`, async ({ page }) => {
    test.setTimeout(180_000);
    if (path !== "/signin") await signIn(page);
    const cookies = await page.context().cookies();
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    const best: Record<string, number> = {};
    for (let run = 0; run < TRIES && (run === 0 || Math.min(...Object.values(best)) < MIN_SCORE); run++) {
      for (const [category, score] of Object.entries(await scores(path, cookie))) {
        best[category] = Math.max(best[category] ?? 0, score);
      }
    }
    expect(Object.keys(best).sort()).toEqual(CATEGORIES);
    for (const [category, score] of Object.entries(best)) expect(score, category).toBeGreaterThanOrEqual(MIN_SCORE);
  });
}
