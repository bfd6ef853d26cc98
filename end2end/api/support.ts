import { execFile } from "node:child_process";
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

/** Creates an API key of the organization and returns its secret. */
export async function key(org: string, scope: string): Promise<string> {
  const args = ["key", "create", "--org", org, "--scope", scope, "--name", "test"];
  const env = { BRIGHTMETER_DATA_DIR: process.env.E2E_DATA_DIR!, BRIGHTMETER_LOG: "error" };
  return (await program(join(target, "debug/brightmeter"), args, env)).trim();
}
