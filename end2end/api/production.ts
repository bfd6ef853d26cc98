import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@playwright/test";
import Stripe from "stripe";
import { program, root, target } from "./support";

export const secret = "whsec_of_this_test";
export const stripe = new Stripe("sk_test_nothing_is_called");

/** A server with a data directory of its own. */
export interface Server {
  url: string;
  /** Its environment, for commands of the binary. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

/** A server in production mode. */
export interface Production extends Omit<Server, "env"> {
  /** Sends a webhook, signed by Stripe's own library unless a signature is given. Returns the status and the error code. */
  sendWebhook(payload: string, signature?: string): Promise<[number, string | undefined]>;
  /** Runs a command of the binary with the server's environment, and returns its output. */
  command(...args: string[]): Promise<string>;
  /** Signs a user in, with the password that `org create` `printed`. */
  signIn(email: string, printed: string): Promise<Session>;
}

/** A signed-in session. */
export interface Session {
  /** Posts a form, without following redirects. */
  post(path: string, fields: Record<string, string>): Promise<Response>;
  /** Returns a page's HTML. */
  get(path: string): Promise<string>;
}

const binary = join(target, "debug/brightmeter");

/** Starts a server and waits until it is ready. */
export async function start(mode: "serve" | "demo", address: string, more: Record<string, string>): Promise<Server> {
  const dataDir = mkdtempSync(join(tmpdir(), `brightmeter-${mode}-`));
  chmodSync(dataDir, 0o755);
  const env = { BRIGHTMETER_ADDR: address, BRIGHTMETER_DATA_DIR: dataDir, BRIGHTMETER_LOG: "error", ...more };
  const server = spawn(binary, [mode], { cwd: root, stdio: "ignore", env: { ...process.env, ...env } });
  const url = `http://${address}`;
  const ready = () => fetch(`${url}/readyz`).then((answer) => answer.status, () => 0);
  await expect.poll(ready, { timeout: 60_000 }).toBe(200);
  return {
    url,
    env,
    async stop() {
      const ended = new Promise((done) => server.once("exit", done));
      server.kill("SIGTERM");
      expect(await ended).toBe(0);
      rmSync(dataDir, { recursive: true });
    },
  };
}

export async function production(address: string, more: Record<string, string> = {}): Promise<Production> {
  const { url, env, stop } = await start("serve", address, {
    BRIGHTMETER_PUBLIC_URL: `http://${address}`,
    BRIGHTMETER_TEST_CLOCK: "0",
    STRIPE_SECRET_KEY: "sk_test_nothing_is_called",
    STRIPE_WEBHOOK_SECRET: secret,
    AI_BASE_URL: "http://127.0.0.1:9/v1",
    AI_MODEL: "none",
    ...more,
  });
  return {
    url,
    stop,
    async sendWebhook(payload, signature) {
      const answer = await fetch(`${url}/api/v1/stripe/webhook`, {
        method: "POST",
        headers: { "Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature ?? sign(payload) },
        body: payload,
      });
      return [answer.status, (await answer.json()).code];
    },
    command: (...args) => program(binary, args, env),
    async signIn(email, printed) {
      const password = /with the password (\S+)/.exec(printed)![1]!;
      const send = (path: string, fields: Record<string, string>, cookie = "") =>
        fetch(`${url}${path}`, { method: "POST", body: new URLSearchParams(fields), headers: { cookie }, redirect: "manual" });
      const signedIn = await send("/signin", { email, password });
      const cookie = signedIn.headers.get("set-cookie")!.split(";")[0]!;
      return {
        post: (path, fields) => send(path, fields, cookie),
        get: (path) => fetch(`${url}${path}`, { headers: { cookie } }).then((answer) => answer.text()),
      };
    },
  };
}

/** Returns the signature header of Stripe's library for `payload`. */
export const sign = (payload: string, more = {}) => stripe.webhooks.generateTestHeaderString({ payload, secret, ...more });
