import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { meter } from "../../docs/api/meter.ts";
import { key, program, root, server, target } from "./support";

const expected = ["may use quest_generation: true", "spent 5", "spent 5", "charged 3, 2 came back"];

const available = async (secret: string) => {
  const answer = await fetch(`${server}/api/v1/tokens/check-balance?feature=quest_generation`, {
    headers: { Authorization: `Bearer ${secret}` },
  });
  return (await answer.json()).balances[0].available;
};

const programs: [string, (secret: string) => Promise<string[]>][] = [
  ["curl", async (KEY) => (await program(join(root, "docs/api/meter.sh"), [], { KEY })).trim().split("\n")],
  ["Python", async (KEY) => (await program("python3", [join(root, "docs/api/meter.py")], { KEY })).trim().split("\n")],
  ["TypeScript", async (KEY) => meter(server, KEY)],
  ["Rust", async (KEY) => (await program(join(target, "debug/examples/meter"), [], { KEY })).trim().split("\n")],
];

for (const [language, run] of programs) {
  test(`the example program of docs/api runs in ${language}`, async () => {
    const secret = await key("stagecraft", "spend");
    const before = await available(secret);
    expect(await run(secret)).toEqual(expected);
    expect(await available(secret)).toBe(before - 8);
  });
}

test("the TypeScript types match the OpenAPI document, and the example program type-checks", async () => {
  test.setTimeout(60_000);
  const generated = join(mkdtempSync(join(tmpdir(), "brightmeter-")), "schema.d.ts");
  await program(join(root, "node_modules/.bin/openapi-typescript"), [`${server}/api/openapi.json`, "-o", generated]);
  expect(readFileSync(generated, "utf8")).toBe(readFileSync(join(root, "docs/api/schema.d.ts"), "utf8"));
  await program(join(root, "node_modules/.bin/tsc"), ["-p", join(root, "docs/api")]);
});
