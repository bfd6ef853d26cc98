import type { Browser } from "@playwright/test";
import { expect, generate, hydrate, shown, signIn, test, tokens } from "./support";

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with WebAssembly" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });

    test("a member generates quests, is charged once, and finds the entry", async ({ page }) => {
      await signIn(page);
      const before = await tokens(page, "available-ai");
      await page.goto("/quests");
      await expect(page.getByText(`${shown(before - 5)} after`)).toBeVisible();

      await generate(page, "Sell 300 tickets for the winter concert");
      await expect(page.getByText("5 AI tokens charged").first()).toBeVisible();
      await expect(page.getByRole("heading", { name: /winter concert/ }).first()).toBeVisible();

      await page.goto("/dashboard");
      expect(await tokens(page, "available-ai")).toBe(before - 5);
      expect(await tokens(page, "held-ai")).toBe(0);
      await page.goto("/activity");
      const newest = page.locator("tr[data-seq]").first();
      await expect(newest).toContainText("Quest generation");
      await expect(newest).toContainText("−5");
      await newest.getByRole("link", { name: "Job summary" }).click();
      await expect(page.getByText("5 AI tokens charged").first()).toBeVisible();
    });

    for (const failure of ["#fail", "#crash"]) {
      test(`a job with ${failure} is not charged`, async ({ page }) => {
        await signIn(page);
        const before = await tokens(page, "available-ai");
        await generate(page, `Grow the newsletter ${failure}`);
        await expect(page.getByText(/not charged/i).first()).toBeVisible();
        await page.goto("/dashboard");
        expect(await tokens(page, "available-ai")).toBe(before);
        expect(await tokens(page, "held-ai")).toBe(0);
      });
    }

    test("a slow job shows its reserved tokens, then its results", async ({ page }) => {
      await signIn(page);
      const before = await tokens(page, "available-ai");
      await generate(page, "Open a second studio #slow");
      await expect(page.getByText(/5 AI tokens reserved/).first()).toBeVisible();
      await expect(page.getByText("5 AI tokens charged").first()).toBeVisible({ timeout: 20_000 });
      await page.goto("/dashboard");
      expect(await tokens(page, "available-ai")).toBe(before - 5);
    });

    test("a goal that is too short is shown again with an error", async ({ page }) => {
      await signIn(page);
      await generate(page, "ok");
      const goal = page.getByLabel("Goal");
      await expect(goal).toHaveValue("ok");
      await expect(goal).toHaveAttribute("aria-invalid", "true");
      const describedBy = (await goal.getAttribute("aria-describedby")) ?? "";
      const texts = await Promise.all(describedBy.split(" ").map((id) => page.locator(`[id="${id}"]`).innerText()));
      expect(texts.join(" ")).toMatch(/at least 3/);
    });

    test("a wrong password keeps the email and doesn't say which field is wrong", async ({ page }) => {
      await page.goto("/signin");
      await page.getByLabel("Email").fill("member@bright-audio.test");
      await page.getByLabel("Password").fill("wrong");
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await expect(page.getByText("Incorrect email or password.").first()).toBeVisible();
      await expect(page.getByLabel("Email")).toHaveValue("member@bright-audio.test");
      await expect(page.getByLabel("Password")).toHaveValue("");
    });

    test("a quest is marked done and reopened", async ({ page }) => {
      await signIn(page);
      await page.goto("/quests");
      const open = page.getByRole("button", { name: /mark done/i });
      const before = await open.count();
      await open.first().click();
      await expect(page.getByRole("status").filter({ hasText: "Marked done" })).toBeVisible();
      await expect(open).toHaveCount(before - 1);
      await page.getByRole("button", { name: /^Reopen/ }).first().click();
      await expect(open).toHaveCount(before);
    });

    test("an admin creates an API key, a service spends with it, and the key is revoked", async ({ page, playwright }) => {
      await signIn(page, "admin@bright-audio.test");
      const before = await tokens(page, "available-ai");
      await page.getByRole("navigation", { name: "Main" }).first().getByRole("link", { name: "API keys" }).click();
      const name = `Reports ${javaScriptEnabled ? "with" : "without"} scripts`;
      await page.getByLabel("Name").fill(name);
      await page.getByRole("button", { name: "Create key" }).click();
      const key = await page.getByLabel("API key", { exact: true }).inputValue();
      const service = await playwright.request.newContext({ baseURL: new URL(page.url()).origin });
      const spend = (as: string) =>
        service.post("/api/v1/tokens/deduct", {
          headers: { Authorization: `Bearer ${key}`, "Idempotency-Key": `${name} ${as}`.replaceAll(" ", "-") },
          data: { feature: "quest_generation" },
        });
      expect(await (await spend("first")).json()).toMatchObject({ amount: 5, balance: { available: before - 5 } });
      await page.goto("/dashboard");
      expect(await tokens(page, "available-ai")).toBe(before - 5);
      await page.goto("/keys");
      await page.getByRole("listitem").filter({ hasText: name }).getByRole("button", { name: "Revoke" }).click();
      await page.getByRole("button", { name: "Yes, revoke it" }).and(page.locator(":visible")).click();
      await expect(page.getByRole("status")).toContainText("API key revoked");
      expect((await spend("second")).status()).toBe(401);
      await service.dispose();
    });

    test("a user in two organizations switches between them and signs out", async ({ page }) => {
      await signIn(page, "admin@bright-audio.test");
      await page.getByText("Bright Audio").first().click();
      await page.getByRole("button", { name: "Switch to Nightshift Labs" }).click();
      await page.getByText("Nightshift Labs").first().click();
      await expect(page.getByRole("button", { name: "Switch to Bright Audio" })).toBeVisible();
      await page.getByRole("button", { name: "Sign out" }).click();
      await expect(page).toHaveURL(/\/signin/);
      await page.goto("/dashboard");
      await expect(page).toHaveURL(/\/signin\?next=/);
    });

    test("on Starter, AI is not included and Upgrade leads to the plans", async ({ page }) => {
      await signIn(page, "owner@nightshift-labs.test");
      await page.getByRole("button", { name: "Upgrade" }).click();
      await expect(page).toHaveURL(/\/billing/);
      await page.goto("/quests");
      await expect(page.getByRole("button", { name: "Generate quests" })).toBeDisabled();
    });

    test("a password is changed and changed back, with a message each time", async ({ page }) => {
      await signIn(page, "owner@stagecraft.test");
      const [first, other] = ["brightmeter-demo", "another good password"];
      for (const [current, next] of [[first, other], [other, first]]) {
        await page.goto("/account");
        await page.getByLabel("Current password").fill(current);
        await page.getByLabel("New password").fill(next);
        await page.getByRole("button", { name: "Change password" }).click();
        await expect(page.getByRole("status")).toContainText("Password changed");
        await expect(page).toHaveTitle(/^Password changed/);
      }
    });

    test("signing out everywhere needs a confirmation and ends every session", async ({ page, browser }) => {
      const elsewhere = await browser.newContext();
      const other = await elsewhere.newPage();
      for (const each of [page, other]) await signIn(each, "owner@stagecraft.test");
      await page.goto("/account");
      const ask = page.getByRole("button", { name: "Sign out everywhere", exact: true });
      await ask.click();
      await expect(page.getByRole("dialog", { name: "Sign out everywhere?" })).toContainText("You'll need to sign in again");
      await page.getByRole("button", { name: "Cancel" }).click();
      await expect(page.getByRole("dialog")).toBeHidden();
      await other.goto("/dashboard");
      await expect(other).toHaveURL(/\/dashboard$/);
      await ask.click();
      await page.getByRole("button", { name: "Yes, sign out everywhere" }).click();
      await expect(page.getByRole("status")).toContainText("Signed out everywhere");
      await other.goto("/dashboard");
      await expect(other).toHaveURL(/\/signin/);
      await elsewhere.close();
    });

    test("activity is filtered by feature and downloaded as CSV", async ({ page }) => {
      await signIn(page);
      await page.goto("/activity");
      await page.getByLabel("Feature").selectOption("lead_generation");
      await page.getByRole("button", { name: /filter|show|apply/i }).click();
      const rows = page.locator("tr[data-seq]");
      expect(await rows.count()).toBeGreaterThan(0);
      await expect(rows.filter({ hasNotText: "Lead generation" })).toHaveCount(0);
      const href = await page.getByRole("link", { name: /csv/i }).getAttribute("href");
      const file = await page.request.get(href ?? "");
      const lines = (await file.text()).trim().split("\n");
      expect(lines[0]).toContain("seq,time_utc,kind");
      expect(lines.length).toBeGreaterThan(1);
      expect(lines.slice(1).every((line) => line.includes("lead_generation"))).toBe(true);
    });
  });
}

test("the dashboard updates in place when tokens are spent elsewhere", async ({ page, browser }) => {
  await signIn(page);
  await hydrate(page);
  await page.evaluate(() => Object.assign(window, { marker: 1 }));
  const before = await tokens(page, "available-ai");
  await spendElsewhere(browser, "Plan the spring tour");
  await expect(page.getByTestId("available-ai")).toHaveText(shown(before - 5));
  await expect(page.getByTestId("held-ai")).toHaveText("0");
  expect(await page.evaluate(() => "marker" in window)).toBe(true);
});

test("Refresh updates the balances without leaving the page", async ({ page, browser }) => {
  await signIn(page);
  await hydrate(page);
  await page.evaluate(() => Object.assign(window, { marker: 1 }));
  const before = await tokens(page, "available-ai");
  await spendElsewhere(browser, "Plan the summer festival");
  await page.getByRole("button", { name: "Refresh" }).click();
  await expect(page.getByTestId("available-ai")).toHaveText(shown(before - 5));
  expect(await page.evaluate(() => "marker" in window)).toBe(true);
});

test("without a connection the balances stay, with a notice until it is back", async ({ page }) => {
  await signIn(page);
  await hydrate(page);
  const before = await tokens(page, "available-ai");
  await page.context().setOffline(true);
  await expect(page.getByText("You're offline. These balances may be out of date.")).toBeVisible();
  expect(await tokens(page, "available-ai")).toBe(before);
  const read = page.waitForResponse(/\/ui\/balances/);
  await page.context().setOffline(false);
  await read;
  await expect(page.getByText("You're offline")).toBeHidden();
});

test("a second request within three seconds is refused with a reason, and the goal is kept", async ({ page }) => {
  await signIn(page);
  await generate(page, "Win the local band contest");
  await expect(page.getByText("5 AI tokens charged").first()).toBeVisible();
  const before = await tokensLeft(page);
  await page.goto("/quests");
  await page.getByLabel("Goal").fill("And the next one");
  await page.getByRole("button", { name: "Generate quests" }).click();
  await expect(page.getByLabel("Goal")).toHaveValue("And the next one");
  await expect(page.getByRole("alert").first()).toContainText(/3 seconds/);
  expect(await tokensLeft(page)).toBe(before);
});

async function tokensLeft(page: Parameters<typeof tokens>[0]): Promise<number> {
  await page.goto("/dashboard");
  return tokens(page, "available-ai");
}

/** Generates quests as another member of the same organization, in another browser context. */
async function spendElsewhere(browser: Browser, goal: string): Promise<void> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await signIn(page, "owner@bright-audio.test");
  await generate(page, goal);
  await expect(page.getByText("5 AI tokens charged").first()).toBeVisible();
  await context.close();
}
