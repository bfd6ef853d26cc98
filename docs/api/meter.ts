// Meters a feature with openapi-fetch and the types in schema.d.ts, which openapi-typescript generates from /api/openapi.json.
import createClient from "openapi-fetch";
import type { paths } from "./schema.d.ts";

/** Runs the example on the server at `address`, with an API key with the scope `spend`. Returns the output, line by line. */
export async function meter(address: string, key: string): Promise<string[]> {
  const api = createClient<paths>({ baseUrl: `${address}/api/v1`, headers: { Authorization: `Bearer ${key}` } });
  const lines: string[] = [];

  // Check whether the feature may be used, and its cost.
  const feature = "quest_generation";
  const check = await api.GET("/tokens/check-balance", { params: { query: { feature } } });
  if (check.error) throw new Error(check.error.detail);
  lines.push(`may use ${feature}: ${check.data.allowed}`);

  // Spend immediately. If the response is lost, repeat the request with the same Idempotency-Key: it is applied only once.
  const order = { "Idempotency-Key": `order-${crypto.randomUUID()}` };
  for (let sent = 0; sent < 2; sent++) {
    const spent = await api.POST("/tokens/deduct", { params: { header: order }, body: { feature } });
    if (spent.error) throw new Error(spent.error.detail);
    if ("amount" in spent.data) lines.push(`spent ${spent.data.amount}`);
  }

  // For a job that may fail: hold, run, and capture what it cost. Without a capture the hold expires, and nothing is charged.
  const job = crypto.randomUUID();
  const hold = await api.POST("/tokens/holds", {
    params: { header: { "Idempotency-Key": `job-${job}` } },
    body: { feature, ttl_seconds: 600 },
  });
  if (hold.error) throw new Error(hold.error.detail);
  const ended = await api.POST("/tokens/holds/{id}/capture", {
    params: { path: { id: hold.data.hold_id }, header: { "Idempotency-Key": `done-${job}` } },
    body: { amount: 3 },
  });
  if (ended.error) throw new Error(ended.error.detail);
  lines.push(`charged ${ended.data.amount}, ${ended.data.returned} came back`);
  return lines;
}
