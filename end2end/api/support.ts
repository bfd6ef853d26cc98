import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { address } from "../playwright.config";

export const root = resolve(import.meta.dirname, "../..");
export const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
export const server = `http://${address}`;

const run = promisify(execFile);

/** Runs a program with the server's address in its environment, and returns its output. */
export async function program(file: string, args: string[] = [], more: Record<string, string> = {}): Promise<string> {
  const env = { ...process.env, BRIGHTMETER: server, ...more };
  const { stdout } = await run(file, args, { env, maxBuffer: 1 << 24 }).catch((error) => {
    throw new Error(`${file}: ${error.message}\n${error.stdout}`);
  });
  return stdout;
}

/** Writes the default catalog with a yearly Pro plan, and a free trial of Pro if `trialDays` is given. Returns the file's path. */
export function yearlyCatalog(trialDays?: number): string {
  const yearly = `[[plans]]
name = "pro-yearly"
label = "Pro, yearly"
interval = "year"
price_cents = 149_000
allowance = { ai = 200, deep = 20 }

`;
  const enterprise = '[[plans]]\nname = "enterprise"';
  const pro = "price_cents = 14_900\n";
  const catalog = readFileSync(join(root, "catalog.toml"), "utf8").replace(enterprise, yearly + enterprise);
  const file = join(tmpdir(), `brightmeter-${process.pid}.toml`);
  writeFileSync(file, trialDays ? catalog.replace(pro, `${pro}trial_days = ${trialDays}\n`) : catalog);
  return file;
}

/** Creates an API key of the organization and returns its secret. */
export async function key(org: string, scope: string): Promise<string> {
  const args = ["key", "create", "--org", org, "--scope", scope, "--name", "test"];
  const env = { BRIGHTMETER_DATA_DIR: process.env.E2E_DATA_DIR!, BRIGHTMETER_LOG: "error" };
  return (await program(join(target, "debug/brightmeter"), args, env)).trim();
}
