import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, signIn, test, tokens } from "./support";
import { address } from "../playwright.config";

/** All mutations, with fields that would be accepted from Brightmeter's own pages. */
const mutations: [string, Record<string, string>][] = [
  ["/quests", { goal: "Give it all away", key: "00000000-0000-7000-8000-00000000beef" }],
  ["/quests/done", { job: "00000000-0000-7000-8000-00000000beef", position: "1", done: "true" }],
  ["/switch", { org: "nightshift-labs" }],
  ["/keys", { id: "00000000-0000-7000-8000-00000000beef", name: "mine", scope: "manage", days: "" }],
  ["/keys/revoke", { id: "00000000-0000-7000-8000-00000000beef" }],
  ["/account/password", { current: "brightmeter-demo", new: "another password" }],
  ["/account/sign-out-everywhere", {}],
  ["/signout", {}],
  ["/signin", { email: "member@bright-audio.test", password: "brightmeter-demo" }],
  ["/ui/balances", {}],
  ["/ui/job", { id: "00000000-0000-7000-8000-00000000beef" }],
];

let server: Server;

test.beforeAll(() => {
  server = createServer((request, response) => {
    const [path, fields] = mutations[Number(new URL(request.url ?? "/", "http://elsewhere").searchParams.get("of"))];
    const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`);
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><title>Elsewhere</title>
      <form method="post" action="http://${address}${path}">${inputs.join("")}<button>Go</button></form>`);
  });
  server.listen(0);
});

test.afterAll(() => server.close());

// 127.0.0.1 on another port is another origin of the same site, so the browser sends the cookie. localhost is another site.
for (const host of ["127.0.0.1", "localhost"]) {
  test(`a form from ${host} on another port changes nothing`, async ({ page }) => {
    await signIn(page);
    const before = await tokens(page, "available-ai");
    const { port } = server.address() as AddressInfo;
    for (const [index, [path]] of mutations.entries()) {
      await page.goto(`http://${host}:${port}/?of=${index}`);
      const answered = page.waitForResponse((response) => response.url().endsWith(path));
      await page.getByRole("button").click();
      expect((await answered).status(), path).toBe(403);
    }
    await page.goto("/dashboard");
    await expect(page).toHaveURL(/\/dashboard$/);
    expect(await tokens(page, "available-ai")).toBe(before);
  });
}
