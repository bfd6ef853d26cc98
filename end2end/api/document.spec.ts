import { join } from "node:path";
import { test } from "@playwright/test";
import { key, program, server, target } from "./support";

test("the API behaves as the OpenAPI document describes", async () => {
  test.setTimeout(300_000);
  const secret = await key("bright-audio", "spend");
  await program(join(target, "schemathesis/bin/schemathesis"), [
    "--config-file", join(import.meta.dirname, "schemathesis.toml"),
    "run", `${server}/api/openapi.json`, "--url", `${server}/api/v1`, "-H", `Authorization: Bearer ${secret}`,
  ]);
});
