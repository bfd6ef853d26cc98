import { rmSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { production, type Production } from "./production";
import { checkTypes, recorder, type StripeRequest, type Params, type Recorder } from "./recorder";
import { yearlyCatalog } from "./support";

let stripe: Recorder;
let shop: Production;

// Pro gets a free trial, so that the trial parameter is tested, too.
const catalog = yearlyCatalog(14);
const prices: Params[] = [];
/** The customer's subscription, after Checkout is paid. */
let subscription: Params | undefined;
let sessions = 0;

function answer({ path, params }: StripeRequest, url: string): Params {
  switch (path) {
    case "POST /v1/customers":
      return { id: "cus_1" };
    case "GET /v1/prices":
      return { data: prices.filter((price) => price.lookup_key === params.lookup_keys[0]) };
    case "POST /v1/prices":
      prices.push({ id: `price_${prices.length + 1}`, lookup_key: params.lookup_key, metadata: params.metadata });
      return prices.at(-1)!;
    case "POST /v1/checkout/sessions":
      sessions += 1;
      return { id: `cs_${sessions}`, url: `${url}/pay/${sessions}` };
    case "GET /v1/subscriptions":
      return { data: subscription ? [subscription] : [], has_more: false };
    case "GET /v1/invoices":
      return { data: [], has_more: false };
    case "POST /v1/invoices/create_preview":
      return { amount_due: 16_935 };
    case "POST /v1/subscriptions/sub_1":
      subscribe(params.items?.[0].price, params.cancel_at_period_end);
      return subscription!;
    case "POST /v1/checkout/sessions/cs_2/expire":
      // The session is paid already.
      return { error: { type: "invalid_request_error", message: "Only Checkout Sessions with a status of open can be expired." } };
    case "POST /v1/billing_portal/sessions":
      return { url: `${url}/portal` };
    default:
      return {};
  }
}

/** Sets the subscription's price (or keeps it) and whether it ends with the period. */
function subscribe(id: string | undefined, ends: boolean): void {
  const price = prices.find((price) => price.id === id) ?? subscription!.items.data[0].price;
  const started = { created: 1, billing_cycle_anchor: Math.floor(Date.now() / 1000) };
  subscription = {
    ...(subscription ?? started),
    id: "sub_1",
    object: "subscription",
    customer: "cus_1",
    status: "active",
    cancel_at_period_end: ends,
    items: { data: [{ id: "si_1", price }] },
  };
}

test.beforeAll(async () => {
  stripe = await recorder(answer);
  shop = await production("127.0.0.1:3118", { STRIPE_API_BASE: stripe.url, BRIGHTMETER_CATALOG: catalog });
});

test.afterAll(async () => {
  await shop.stop();
  stripe.close();
  rmSync(catalog);
});

test("in production, a plan is subscribed to, changed and canceled with parameters of Stripe's types", async () => {
  test.setTimeout(90_000);
  const printed = await shop.command("org", "create", "--slug", "acme", "--plan", "starter", "--owner-email", "owner@acme.example");
  const { post, get } = await shop.signIn("owner@acme.example", printed);
  /** Posts the form of a plan change. */
  const choose = async (plan: string, plan_change: string, id = crypto.randomUUID()) => {
    const from = Math.floor(Date.now() / 1000).toString();
    const sent = await post("/billing/plan", { id, plan, plan_change, from });
    expect(sent.status).toBe(303);
    return sent.headers.get("location");
  };

  // Subscribe: a form that is sent twice creates one session; another choice expires the first session.
  expect(await choose("enterprise", "subscribe")).toMatch(/\/pay\/1$/);
  const id = crypto.randomUUID();
  expect([await choose("pro", "subscribe", id), await choose("pro", "subscribe", id)]).toEqual(Array(2).fill(`${stripe.url}/pay/2`));
  subscribe(prices.find((price) => price.metadata.brightmeter_plan === "pro")!.id, false);
  const object = { ...subscription, object: "subscription" };
  const event = JSON.stringify({ id: "evt_1", object: "event", type: "customer.subscription.created", created: 1, data: { object } });
  expect(await shop.sendWebhook(event)).toEqual([200, undefined]);
  await expect.poll(() => get("/billing"), { timeout: 10_000 }).toContain("You are on Pro");

  // By the year: another interval starts a new billing period.
  expect(await get("/billing")).toContain("$1,490");
  expect(await get("/billing/plan?to=pro-yearly")).toContain("$169.35 now, for a year that starts today; credit for your unused time is applied. Then $1,490 every year.");
  expect(await choose("pro-yearly", "upgrade")).toBe("/billing?flash=plan-chosen");
  expect(await get("/billing")).toContain("You are on Pro, yearly");
  expect(await get("/billing/plan?to=pro")).toContain("Your plan is billed in another interval.");

  // Upgrade, downgrade, cancel, and keep the current plan.
  expect(await get("/billing/plan?to=enterprise")).toContain("$169.35 now, for a month that starts today");
  for (const [plan, plan_change] of [["enterprise", "upgrade"], ["pro", "downgrade"], ["starter", "cancel"], ["enterprise", "keep"]] as const) {
    expect(await choose(plan, plan_change)).toBe("/billing?flash=plan-chosen");
  }
  // On the way back from Stripe, the subscription and the invoices are read from Stripe.
  expect(await get("/billing/back")).toContain("You are on Enterprise");
  const portal = await post("/billing/portal", {});
  expect([portal.status, portal.headers.get("location")]).toEqual([303, `${stripe.url}/portal`]);

  const { requests } = stripe;
  const changes = requests.filter(({ path }) => path.startsWith("POST ") && !path.endsWith("/create_preview"));
  expect(changes.map(({ path }) => path.replace("POST /v1/", ""))).toEqual([
    "customers",
    "prices",
    "checkout/sessions",
    "checkout/sessions/cs_1/expire",
    "prices",
    "checkout/sessions",
    "prices",
    "checkout/sessions/cs_2/expire",
    ...Array(5).fill("subscriptions/sub_1"),
    "billing_portal/sessions",
  ]);
  for (const { headers } of changes) {
    expect(headers["idempotency-key"]).toMatch(/^(customer|price|subscribe|close|plan|portal)-/);
  }
  const keys = changes.map(({ headers }) => headers["idempotency-key"]);
  expect(new Set(keys).size).toBe(keys.length);
  for (const { headers } of requests) {
    expect(headers["authorization"]).toBe("Bearer sk_test_nothing_is_called");
    expect(headers["stripe-version"]).toMatch(/^2026-/);
  }

  const of = (path: string) => requests.filter((request) => request.path === path).map(({ params }) => params);
  expect(of("POST /v1/prices")[1]).toMatchObject({
    currency: "usd",
    unit_amount: 14_900,
    lookup_key: "brightmeter-pro-14900-usd-month",
    recurring: { interval: "month" },
    product_data: { name: "Pro", metadata: { brightmeter_plan: "pro" } },
    metadata: { brightmeter_plan: "pro" },
  });
  expect(of("POST /v1/prices")[2]).toMatchObject({
    unit_amount: 149_000,
    lookup_key: "brightmeter-pro-yearly-149000-usd-year",
    recurring: { interval: "year" },
    metadata: { brightmeter_plan: "pro-yearly" },
  });
  const [first, second] = of("POST /v1/checkout/sessions");
  const metadata = { brightmeter_plan: "pro", brightmeter_org: expect.any(String) };
  expect(first!.subscription_data).not.toHaveProperty("trial_period_days");
  expect(second).toMatchObject({
    mode: "subscription",
    customer: "cus_1",
    client_reference_id: id,
    line_items: [{ price: "price_2", quantity: 1 }],
    metadata,
    subscription_data: { metadata, trial_period_days: 14 },
    success_url: `${shop.url}/billing/back`,
  });
  const [year, up, down, end, stay] = of("POST /v1/subscriptions/sub_1");
  const items = (price: string) => [{ id: "si_1", price }];
  const now = { proration_behavior: "always_invoice", payment_behavior: "error_if_incomplete" };
  expect(year).toMatchObject({ items: items("price_3"), ...now, proration_date: expect.any(Number) });
  expect(up).toMatchObject({ items: items("price_1"), ...now, proration_date: expect.any(Number), cancel_at_period_end: false });
  expect(down).toMatchObject({ items: items("price_2"), proration_behavior: "none", metadata: { brightmeter_plan: "pro" } });
  expect(end).toEqual({ cancel_at_period_end: true });
  expect(stay).toMatchObject({ items: items("price_1"), proration_behavior: "none", cancel_at_period_end: false });
  const [, shown] = of("POST /v1/invoices/create_preview");
  expect(shown).toMatchObject({
    customer: "cus_1",
    subscription: "sub_1",
    subscription_details: { items: items("price_1"), proration_behavior: "always_invoice", proration_date: expect.any(Number) },
  });

  const types = {
    "POST /v1/customers": "CustomerCreateParams",
    "GET /v1/prices": "PriceListParams",
    "POST /v1/prices": "PriceCreateParams",
    "POST /v1/checkout/sessions": "Checkout.SessionCreateParams",
    "POST /v1/checkout/sessions/cs_1/expire": "Checkout.SessionExpireParams",
    "POST /v1/checkout/sessions/cs_2/expire": "Checkout.SessionExpireParams",
    "GET /v1/subscriptions": "SubscriptionListParams",
    "GET /v1/invoices": "InvoiceListParams",
    "POST /v1/subscriptions/sub_1": "SubscriptionUpdateParams",
    "POST /v1/invoices/create_preview": "InvoiceCreatePreviewParams",
    "POST /v1/billing_portal/sessions": "BillingPortal.SessionCreateParams",
  };
  expect(new Set(requests.map(({ path }) => path))).toEqual(new Set(Object.keys(types)));
  await checkTypes("plans", requests.map(({ path, params }) => [types[path as keyof typeof types], params]));
});
