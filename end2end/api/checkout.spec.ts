import { createServer, type IncomingMessage } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { program, root } from "./support";
import { production, type Production } from "./production";

/** What was asked of Stripe. */
interface Asked {
  path: string;
  headers: IncomingMessage["headers"];
  params: Record<string, unknown>;
}

/** A form with brackets in its names, as Stripe's libraries for JavaScript take it: an object of objects and lists. */
function parse(body: string): Record<string, unknown> {
  const params: Record<string, any> = {};
  for (const [name, value] of new URLSearchParams(body)) {
    const path = name.split(/[[\]]+/).filter((part) => part !== "");
    const last = path.pop()!;
    let at = params;
    path.forEach((part, index) => {
      at[part] ??= /^\d+$/.test(path[index + 1] ?? last) ? [] : {};
      at = at[part];
    });
    at[last] = /^\d+$/.test(value) ? Number(value) : value;
  }
  return params;
}

const asked: Asked[] = [];
const stripe = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  asked.push({ path: `${request.method} ${request.url}`, headers: request.headers, params: parse(body) });
  const address = `http://127.0.0.1:${(stripe.address() as { port: number }).port}`;
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(request.url === "/v1/customers" ? { id: "cus_1" } : { id: "cs_1", url: `${address}/pay` }));
});

let shop: Production;

test.beforeAll(async () => {
  stripe.listen(0, "127.0.0.1");
  await once(stripe, "listening");
  const { port } = stripe.address() as { port: number };
  shop = await production("127.0.0.1:3118", { STRIPE_API_BASE: `http://127.0.0.1:${port}` });
});

test.afterAll(async () => {
  await shop.stop();
  stripe.close();
});

test("in production a pack is ordered as Stripe's own types have it, and credited by what Stripe's library signs", async () => {
  test.setTimeout(90_000);
  const made = await shop.command("org", "create", "--slug", "acme", "--plan", "pro", "--owner-email", "owner@acme.example");
  const password = /with the password (\S+)/.exec(made)![1]!;
  const post = (path: string, fields: Record<string, string>, cookie = "") =>
    fetch(`${shop.url}${path}`, { method: "POST", body: new URLSearchParams(fields), headers: { cookie }, redirect: "manual" });
  const signedIn = await post("/signin", { email: "owner@acme.example", password });
  const cookie = signedIn.headers.get("set-cookie")!.split(";")[0]!;
  const id = crypto.randomUUID();
  for (let times = 0; times < 2; times++) {
    const sent = await post("/billing/buy", { id, pack: "booster" }, cookie);
    expect([sent.status, sent.headers.get("location")]).toEqual([303, expect.stringMatching(/\/pay$/)]);
  }

  expect(asked.map((request) => request.path)).toEqual(["POST /v1/customers", "POST /v1/checkout/sessions"]);
  for (const { headers } of asked) {
    expect(headers["authorization"]).toBe("Bearer sk_test_nothing_is_called");
    expect(headers["idempotency-key"]).toMatch(/^(customer|checkout)-/);
    expect(headers["stripe-version"]).toMatch(/^2026-/);
  }
  const [customer, session] = asked.map((request) => request.params);
  expect(session).toMatchObject({
    mode: "payment",
    line_items: [{ quantity: 1, price_data: { currency: "usd", unit_amount: 2900, product_data: { name: "Booster" } } }],
    metadata: { brightmeter_purchase: id },
    payment_intent_data: { metadata: { brightmeter_purchase: id } },
  });
  const folder = join(root, "end2end/report");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "params.ts");
  writeFileSync(
    file,
    `import Stripe from "stripe";
export const customer: Stripe.CustomerCreateParams = ${JSON.stringify(customer)};
export const session: Stripe.Checkout.SessionCreateParams = ${JSON.stringify(session)};
`,
  );
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022"];
  await program(join(root, "node_modules/.bin/tsc"), [...options, file]);

  const page = () => fetch(`${shop.url}/billing/purchases/${id}`, { headers: { cookie } }).then((answer) => answer.text());
  expect(await page()).toContain("Not paid yet");
  const paid = { id: "cs_1", object: "checkout.session", mode: "payment", status: "complete", payment_status: "paid" };
  const object = { ...paid, amount_total: 2900, payment_intent: "pi_1", metadata: (session as { metadata: unknown }).metadata };
  const event = JSON.stringify({ id: "evt_1", object: "event", type: "checkout.session.completed", created: 1, data: { object } });
  expect(await shop.tell(event)).toEqual([200, undefined]);
  await expect.poll(page, { timeout: 10_000 }).toContain("Receipt 1 for acme");
});
