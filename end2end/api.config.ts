import { defineConfig } from "@playwright/test";
import tests from "./playwright.config";

/** The REST API from outside: its document, and the programs in docs/api. */
export default defineConfig({ ...tests, testDir: "./api" });
