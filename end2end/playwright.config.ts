import { join, resolve } from "node:path";
import { defineConfig } from "@playwright/test";

const root = resolve(import.meta.dirname, "..");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const dataDir = process.env.E2E_DATA_DIR;
if (!dataDir) throw new Error("set E2E_DATA_DIR to an empty directory; make test-browser does");
// The start of the demo's clock. Workers inherit it.
process.env.E2E_STARTED ??= String(Date.now());
export const address = "127.0.0.1:3117";

/** Starts the demo from a debug or release build. */
export const server = (profile: "debug" | "server-release") => ({
  command: `exec "${join(target, profile, "brightmeter")}" demo`,
  cwd: root,
  url: `http://${address}/readyz`,
  timeout: 120_000,
  gracefulShutdown: { signal: "SIGTERM" as const, timeout: 30_000 },
  stdout: "ignore" as const,
  stderr: "pipe" as const,
  env: {
    BRIGHTMETER_ADDR: address,
    BRIGHTMETER_DATA_DIR: dataDir,
    BRIGHTMETER_TEST_CLOCK: "1",
    BRIGHTMETER_LOG: "warn",
  },
});

export default defineConfig({
  testDir: "./tests",
  outputDir: "./report",
  timeout: 30_000,
  retries: 0,
  workers: 1,
  forbidOnly: !!process.env.CI,
  reporter: [["list"]],
  webServer: server("debug"),
  use: {
    baseURL: `http://${address}`,
    browserName: "chromium",
    headless: true,
    launchOptions: {
      executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
      // Chromium's sandbox doesn't work as root. Without the other flags Chromium contacts unreachable hosts and stalls.
      args: [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
      ],
    },
  },
});
