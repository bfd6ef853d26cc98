import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "@playwright/test";
import { visit } from "../tests/states";

const root = resolve(import.meta.dirname, "../..");
const out = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "screenshots");

for (const width of [360, 768, 1280]) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`${width} px, ${colorScheme}`, async ({ browser }) => {
      test.setTimeout(300_000);
      mkdirSync(out, { recursive: true });
      const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
      const page = await context.newPage();
      await visit(page, async (state) => {
        await page.screenshot({ path: join(out, `${state.name}-${width}-${colorScheme}.png`), fullPage: true });
      });
      await context.close();
    });
  }
}
