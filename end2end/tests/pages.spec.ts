import { expect, expectAccessible, signIn, test } from "./support";
import { visit } from "./states";

// 640 px stands for 1,280 px at 200 % zoom.
for (const [width, colorScheme] of [[360, "dark"], [640, "light"], [1280, "light"], [1280, "dark"]] as const) {
  test(`every page and state is accessible and fits the screen at ${width} px, ${colorScheme}`, async ({ browser }) => {
    test.setTimeout(300_000);
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
    const page = await context.newPage();
    await visit(page, async (state) => {
      await test.step(state.name, async () => {
        await expectAccessible(page);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(overflow, `${state.name} at ${width} px`).toBeLessThanOrEqual(0);
      });
    });
    await context.close();
  });
}

test("the dashboard has the expected accessibility tree", async ({ page }) => {
  await signIn(page, "owner@stagecraft.test");
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - main:
      - heading "Dashboard" [level=1]
      - paragraph: /[\\d,]+ of [\\d,]+ AI tokens left/
      - paragraph: /[\\d,]+ of [\\d,]+ Deep tokens left/
      - region "AI tokens":
        - heading "AI tokens" [level=2]
        - progressbar "AI tokens available"
        - table:
          - caption: Sources, used in this order
      - region "Deep tokens"
      - button "Refresh"
      - button "Buy tokens"
      - region "Used in the last 30 days":
        - figure:
          - img /AI tokens used in the last 30 days/
      - region "Latest activity":
        - link "All activity"
        - table "Latest entries"
  `);
});

test("the sign-in page has the expected accessibility tree", async ({ page }) => {
  await page.goto("/signin");
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - main:
      - heading "Sign in" [level=1]
      - textbox "Email"
      - textbox "Password"
      - button "Sign in"
      - region "Demo accounts":
        - heading "Demo accounts" [level=2]
        - list
  `);
});

test("the quests page has the expected accessibility tree", async ({ page }) => {
  await signIn(page);
  await page.goto("/quests");
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - main:
      - heading "Quests" [level=1]
      - text: Goal
      - textbox "Goal"
      - paragraph: /Costs 5 AI tokens\\. [\\d,]+ available, [\\d,]+ after\\./
      - button "Generate quests"
      - region "Your quests":
        - heading "Your quests" [level=2]
        - group:
          - heading [level=3]
          - list:
            - listitem:
              - heading [level=4]
              - button /^(Mark done|Reopen)/
  `);
});

test("the activity page has the expected accessibility tree", async ({ page }) => {
  await signIn(page);
  await page.goto("/activity");
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - main:
      - heading "Activity" [level=1]
      - link "Download CSV"
      - form "Filter":
        - combobox "Token type"
        - combobox "Feature"
        - combobox "Member"
        - textbox "From"
        - textbox "To"
        - button "Apply"
        - link "Clear"
      - table "Entries, newest first"
  `);
});

test("the plans page has the expected accessibility tree", async ({ page }) => {
  await signIn(page);
  await page.goto("/billing");
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - main:
      - heading "Plans" [level=1]
      - paragraph: You are on Pro
      - list:
        - listitem:
          - heading "Starter" [level=2]
          - paragraph: $0 a month
        - listitem:
          - heading "Pro" [level=2]
          - text: Your plan
          - paragraph: $149 a month
        - listitem:
          - heading "Enterprise" [level=2]
      - region "Packs":
        - heading "Packs" [level=2]
        - list:
          - listitem:
            - heading "Booster" [level=3]
            - paragraph: $29 once
      - region "What features cost":
        - table
      - region "How billing works"
  `);
});

test("the account page has the expected accessibility tree", async ({ page }) => {
  await signIn(page);
  await page.goto("/account");
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - main:
      - heading "Account" [level=1]
      - form "Change your password":
        - heading "Change your password" [level=2]
        - textbox "Current password"
        - textbox "New password"
        - paragraph:
          - button "Change password"
      - region "Sessions":
        - heading "Sessions" [level=2]
        - button "Sign out everywhere"
  `);
});

test("the keyboard reaches everything, and the first stop skips to the content", async ({ page }) => {
  await signIn(page);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Refresh" })).toBeFocused();
  await page.goto("/dashboard");
  await page.locator("summary").first().focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Account" })).toBeFocused();
});
