import { createServer, type IncomingMessage } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { program, root } from "./support";

/** A request to Stripe. */
export interface StripeRequest {
  path: string;
  headers: IncomingMessage["headers"];
  params: Params;
}

export type Params = Record<string, any>;

/** A fake Stripe API that records the requests. */
export interface Recorder {
  url: string;
  requests: StripeRequest[];
  close(): void;
}

/** Starts a recorder that responds with the result of `answer`. A result with an `error` has status 400. */
export async function recorder(answer: (request: StripeRequest, url: string) => Params): Promise<Recorder> {
  const requests: StripeRequest[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://stripe");
    const params = parse(request.method === "GET" ? searchParams : new URLSearchParams(body));
    const recorded = { path: `${request.method} ${pathname}`, headers: request.headers, params };
    requests.push(recorded);
    const answered = answer(recorded, url);
    response.writeHead(answered.error ? 400 : 200, { "Content-Type": "application/json" });
    response.end(JSON.stringify(answered));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, requests, close: () => server.close() };
}

/** Parses a form with brackets in its names to nested objects and lists, as Stripe's JavaScript library takes them. */
function parse(form: URLSearchParams): Params {
  const params: Params = {};
  for (const [name, value] of form) {
    const path = name.split(/[[\]]+/).filter((part) => part !== "");
    const last = path.pop()!;
    let at = params;
    path.forEach((part, index) => {
      at[part] ??= /^\d+$/.test(path[index + 1] ?? last) ? [] : {};
      at = at[part];
    });
    at[last] = /^(\d+|true|false)$/.test(value) ? JSON.parse(value) : value;
  }
  return params;
}

/** Checks parameters against types of Stripe's library with the TypeScript compiler. `name` is the name of the generated file. */
export async function checkTypes(name: string, all: (readonly [type: string, params: Params])[]): Promise<void> {
  const folder = join(root, "end2end/report");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.ts`);
  const lines = all.map(([type, params], n) => `export const params${n}: Stripe.${type} = ${JSON.stringify(params)};`);
  writeFileSync(file, `import Stripe from "stripe";\n${lines.join("\n")}\n`);
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022"];
  await program(join(root, "node_modules/.bin/tsc"), [...options, file]);
}
