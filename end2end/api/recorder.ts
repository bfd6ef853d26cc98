import { createServer, type IncomingMessage } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { program, root } from "./support";

/** What was asked of Stripe. */
export interface Asked {
  path: string;
  headers: IncomingMessage["headers"];
  params: Params;
}

export type Params = Record<string, any>;

/** Stands in for Stripe: notes what it is asked, and answers what `answer` says; an `error` is a refusal. */
export interface Recorder {
  url: string;
  asked: Asked[];
  close(): void;
}

export async function recorder(answer: (asked: Asked, url: string) => Params): Promise<Recorder> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://stripe");
    const params = parse(request.method === "GET" ? searchParams : new URLSearchParams(body));
    const one = { path: `${request.method} ${pathname}`, headers: request.headers, params };
    asked.push(one);
    const answered = answer(one, url);
    response.writeHead(answered.error ? 400 : 200, { "Content-Type": "application/json" });
    response.end(JSON.stringify(answered));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, asked, close: () => server.close() };
}

/** A form with brackets in its names, as Stripe's libraries for JavaScript take it: an object of objects and lists. */
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

/** Holds parameters against the types of Stripe's library, each against the one that is named; `name` is the file's. */
export async function keepToTypes(name: string, all: (readonly [type: string, params: Params])[]): Promise<void> {
  const folder = join(root, "end2end/report");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.ts`);
  const lines = all.map(([type, params], n) => `export const params${n}: Stripe.${type} = ${JSON.stringify(params)};`);
  writeFileSync(file, `import Stripe from "stripe";\n${lines.join("\n")}\n`);
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022"];
  await program(join(root, "node_modules/.bin/tsc"), [...options, file]);
}
