import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import Stripe from "stripe";
import { root, target } from "./support";

/** Production, as one starts it; Stripe's own library says what is signed right. */
const address = "127.0.0.1:3118";
const secret = "whsec_of_this_test";
const stripe = new Stripe("sk_test_nothing_is_called");

let server: ChildProcess;
let dataDir: string;

test.beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "brightmeter-serve-"));
  chmodSync(dataDir, 0o755);
  server = spawn(join(target, "debug/brightmeter"), ["serve"], {
    cwd: root,
    stdio: "ignore",
    env: {
      ...process.env,
      BRIGHTMETER_ADDR: address,
      BRIGHTMETER_PUBLIC_URL: `http://${address}`,
      BRIGHTMETER_DATA_DIR: dataDir,
      BRIGHTMETER_TEST_CLOCK: "0",
      STRIPE_SECRET_KEY: "sk_test_nothing_is_called",
      STRIPE_WEBHOOK_SECRET: secret,
      AI_BASE_URL: "http://127.0.0.1:9/v1",
      AI_MODEL: "none",
    },
  });
  const ready = () => fetch(`http://${address}/readyz`).then((answer) => answer.status, () => 0);
  await expect.poll(ready, { timeout: 30_000 }).toBe(200);
});

test.afterAll(async () => {
  const ended = new Promise((done) => server.once("exit", done));
  server.kill("SIGTERM");
  expect(await ended).toBe(0);
  rmSync(dataDir, { recursive: true });
});

const send = async (payload: string, header: string) => {
  const answer = await fetch(`http://${address}/api/v1/stripe/webhook`, {
    method: "POST",
    headers: { "Content-Type": "application/json; charset=utf-8", "Stripe-Signature": header },
    body: payload,
  });
  return [answer.status, (await answer.json()).code];
};

const sign = (payload: string, more = {}) => stripe.webhooks.generateTestHeaderString({ payload, secret, ...more });

test("what Stripe's library signs is taken, however often it comes", async () => {
  const folder = join(root, "server/tests/stripe-events");
  const events = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  expect(events.length).toBeGreaterThan(10);
  for (const event of [...events, ...events, '{"id":"evt_ü","name":"日本"}']) {
    const header = sign(event);
    expect(stripe.webhooks.constructEvent(event, header, secret)).toEqual(JSON.parse(event));
    expect(await send(event, header)).toEqual([200, undefined]);
  }
});

test("what Stripe's library refuses is refused", async () => {
  const event = '{"id":"evt_1","object":"event"}';
  const long_ago = Math.floor(Date.now() / 1000) - 400;
  for (const [header, payload] of [
    [sign(event, { secret: "whsec_other" }), event],
    [sign(event), event.replace("evt_1", "evt_2")],
    [sign(event, { timestamp: long_ago }), event],
    [sign(event, { scheme: "v0" }), event],
    ["", event],
  ]) {
    expect(() => stripe.webhooks.constructEvent(payload, header, secret)).toThrow();
    expect(await send(payload, header)).toEqual([400, "signature_invalid"]);
  }
});
