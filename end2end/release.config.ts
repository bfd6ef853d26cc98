import { defineConfig } from "@playwright/test";
import tests, { server } from "./playwright.config";

/** Tests of the release build: file sizes and Lighthouse scores on a phone. */
export default defineConfig({ ...tests, testDir: "./release", webServer: server("server-release") });
