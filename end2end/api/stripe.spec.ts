import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { production, secret, sign, stripe, type Production } from "./production";
import { root } from "./support";

/** A production server. Stripe's own library decides which signatures are valid. */
let server: Production;

test.beforeAll(async () => {
  server = await production("127.0.0.1:3118");
});

test.afterAll(() => server.stop());

test("a webhook signed by Stripe's library is accepted, even if it is delivered twice", async () => {
  const folder = join(root, "server/tests/stripe-events");
  const events = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  expect(events.length).toBeGreaterThan(10);
  for (const event of [...events, ...events, '{"id":"evt_ü","name":"日本"}']) {
    const header = sign(event);
    expect(stripe.webhooks.constructEvent(event, header, secret)).toEqual(JSON.parse(event));
    expect(await server.sendWebhook(event, header)).toEqual([200, undefined]);
  }
});

test("a webhook that Stripe's library rejects is rejected", async () => {
  const event = '{"id":"evt_1","object":"event"}';
  const long_ago = Math.floor(Date.now() / 1000) - 400;
  for (const [header, payload] of [
    [sign(event, { secret: "whsec_other" }), event],
    [sign(event), event.replace("evt_1", "evt_2")],
    [sign(event, { timestamp: long_ago }), event],
    [sign(event, { scheme: "v0" }), event],
    ["", event],
  ] as const) {
    expect(() => stripe.webhooks.constructEvent(payload, header, secret)).toThrow();
    expect(await server.sendWebhook(payload, header)).toEqual([400, "signature_invalid"]);
  }
});
