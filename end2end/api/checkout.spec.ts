import { expect, test } from "@playwright/test";
import { production, type Production } from "./production";
import { checkTypes, recorder, type Recorder } from "./recorder";

let stripe: Recorder;
let shop: Production;

test.beforeAll(async () => {
  stripe = await recorder(({ path }, url) => (path === "POST /v1/customers" ? { id: "cus_1" } : { id: "cs_1", url: `${url}/pay` }));
  shop = await production("127.0.0.1:3118", { STRIPE_API_BASE: stripe.url });
});

test.afterAll(async () => {
  await shop.stop();
  stripe.close();
});

test("in production, a pack is ordered with parameters of Stripe's types and credited by a signed webhook", async () => {
  test.setTimeout(90_000);
  const printed = await shop.command("org", "create", "--slug", "acme", "--plan", "pro", "--owner-email", "owner@acme.example");
  const { post, get } = await shop.signIn("owner@acme.example", printed);
  const id = crypto.randomUUID();
  for (let times = 0; times < 2; times++) {
    const sent = await post("/billing/buy", { id, pack: "booster" });
    expect([sent.status, sent.headers.get("location")]).toEqual([303, expect.stringMatching(/\/pay$/)]);
  }

  const { requests } = stripe;
  expect(requests.map((request) => request.path)).toEqual(["POST /v1/customers", "POST /v1/checkout/sessions"]);
  for (const { headers } of requests) {
    expect(headers["authorization"]).toBe("Bearer sk_test_nothing_is_called");
    expect(headers["idempotency-key"]).toMatch(/^(customer|checkout)-/);
    expect(headers["stripe-version"]).toMatch(/^2026-/);
  }
  const [customer, session] = requests.map((request) => request.params);
  expect(session).toMatchObject({
    mode: "payment",
    line_items: [{ quantity: 1, price_data: { currency: "usd", unit_amount: 2900, product_data: { name: "Booster" } } }],
    metadata: { brightmeter_purchase: id },
    payment_intent_data: { metadata: { brightmeter_purchase: id } },
  });
  await checkTypes("pack", [
    ["CustomerCreateParams", customer!],
    ["Checkout.SessionCreateParams", session!],
  ]);

  const page = () => get(`/billing/purchases/${id}`);
  expect(await page()).toContain("Not paid yet");
  const paid = { id: "cs_1", object: "checkout.session", mode: "payment", status: "complete", payment_status: "paid" };
  const object = { ...paid, amount_total: 2900, payment_intent: "pi_1", metadata: session!.metadata };
  const event = JSON.stringify({ id: "evt_1", object: "event", type: "checkout.session.completed", created: 1, data: { object } });
  expect(await shop.sendWebhook(event)).toEqual([200, undefined]);
  await expect.poll(page, { timeout: 10_000 }).toContain("Receipt 1 for acme");
});
