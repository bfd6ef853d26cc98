import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { expect, signIn, test } from "../tests/support";

const pkg = resolve(import.meta.dirname, "../../target/site/pkg");

/** Returns the size of the one file with the ending, in bytes. */
const fetched = (ending: string) => {
  const names = readdirSync(pkg).filter((name) => name.endsWith(ending));
  expect(names, ending).toHaveLength(1);
  return statSync(join(pkg, names[0])).size;
};

test("the files a browser loads are small", async ({ page }) => {
  expect(fetched(".wasm.br"), "wasm").toBeLessThan(200_000);
  expect(fetched(".css.br"), "style").toBeLessThan(20_000);
  await signIn(page);
  const html = await (await page.request.get("/dashboard")).body();
  expect(brotliCompressSync(html).length, "the dashboard").toBeLessThan(30_000);
});

test("every file is precompressed and cached as immutable", async ({ page, request }) => {
  await page.goto("/signin");
  const style = await page.locator("link[rel=stylesheet]").getAttribute("href");
  const wasm = readdirSync(pkg).find((name) => name.endsWith(".wasm"));
  for (const address of [style, `/pkg/${wasm}`]) {
    const answer = await request.get(address!, { headers: { "accept-encoding": "br" } });
    expect(answer.headers()["content-encoding"], address!).toBe("br");
    expect(answer.headers()["cache-control"], address!).toContain("immutable");
  }
  expect(readFileSync(join(pkg, wasm!)).length).toBeGreaterThan(fetched(".wasm.br"));
});
