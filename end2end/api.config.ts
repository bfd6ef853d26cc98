import { defineConfig } from "@playwright/test";
import tests from "./playwright.config";

/** Tests of the REST API: the OpenAPI document, the programs in docs/api, and requests to Stripe. */
export default defineConfig({ ...tests, testDir: "./api" });
