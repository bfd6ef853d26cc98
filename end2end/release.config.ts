import { defineConfig } from "@playwright/test";
import tests, { server } from "./playwright.config";

/** What people get: the release build, looked at as a phone would. */
export default defineConfig({ ...tests, testDir: "./release", webServer: server("server-release") });
