// Accounts as people use them: registering, signing in and out, the cabinet's pages, a forgotten
// password, a second factor, leaving for good.

import { createHmac } from "node:crypto";

import { accessible, codeFor, file, leave, shot, test, visitor } from "./harness.mjs";

let count = 0;

/** Somebody new. */
export function somebody() {
  count += 1;
  const login = `anna${Date.now().toString(36)}${count}`;
  const digits = String(Date.now()).slice(-7) + count;
  return { surname: "Ivanova", name: "Anna", login, email: `${login}@example.org`,
    phone: `+7 9${digits.padStart(9, "0").slice(-9)}`, password: `quiet-river-${login}` };
}

/** Registers by the form and confirms the address by the letter's code. */
export async function register(visit, who) {
  const { page } = visit;
  await page.goto(`/register?lang=${visit.lang}`);
  for (const name of ["surname", "name", "email", "phone", "login", "password"]) {
    await page.fill(`input[name=${name}]`, who[name]);
  }
  await page.check("input[name=consent_data]");
  await page.click("#app button[type=submit]");
  await page.fill("input[name=code]", await codeFor(who.email));
  await page.click("#app button[type=submit]");
  await page.waitForURL("**/account");
  await page.waitForSelector(".who a");
}

/** The code of an authenticator now (RFC 6238). */
export function totp(secret, at = Date.now()) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = Array.from(secret, (c) => letters.indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac("sha1", key).update(step).digest();
  const from = mac[19] & 15;
  return String((mac.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

const SECTIONS = ["", "/orders", "/profile", "/notifications", "/security", "/privacy"];

/** Each page of the cabinet, ready to be looked at. */
async function cabinet(visit, name) {
  for (const section of SECTIONS) {
    await visit.page.goto(`/account${section}`);
    await visit.page.waitForSelector("#app > *");
    await visit.page.waitForLoadState("networkidle");
    await accessible(visit.page, `/account${section}`);
    await shot(visit, `${name}${section.replace("/", "-")}`);
  }
}

/** What a normal run of all tests takes of it. */
export async function peopleInShort() {
  await test("a person registers, looks at the cabinet, and leaves", async () => {
    const visit = await visitor({ size: "phone", lang: "ru" });
    await register(visit, somebody());
    await cabinet(visit, "cabinet");
    await visit.page.waitForFunction(personal);
    await visit.page.evaluate(() => localStorage.setItem("seatgrid.keep", "{}"));
    await visit.page.click(".who .plain");
    await visit.page.waitForURL((url) => url.pathname === "/");
    const left = await visit.page.evaluate(personal);
    const kept = await visit.page.evaluate(() => localStorage.getItem("seatgrid.keep"));
    if (left || kept !== null) throw new Error("something of the person is left behind");
    await leave(visit);
  });
}

/** In the page: whether the worker keeps answers that belong to a person. */
async function personal() {
  const cache = await caches.open("seatgrid.tickets");
  const kept = await cache.keys();
  return kept.some(({ url }) => new URL(url).pathname.startsWith("/api/v1/me"));
}

export async function people() {
  await test("an account from registration to deletion", async () => {
    const visit = await visitor();
    const { page } = visit;
    const who = somebody();
    await register(visit, who);
    await page.waitForFunction(() => document.querySelector(".who a")?.textContent === "Anna");
    await cabinet(visit, "cabinet");

    await page.goto("/account/profile");
    await page.fill("input[name=name]", "Anne");
    await page.locator("#app form").first().locator("button").click();
    await page.waitForFunction(() => document.querySelector(".who a").textContent === "Anne");
    const other = `new-${who.email}`;
    await page.fill("input[name=value][type=email]", other);
    await page.locator("form", { has: page.locator("input[type=email]") }).locator("button").click();
    await page.fill("input[name=code]", "000000");
    await page.locator("form", { has: page.locator("input[name=code]") }).locator("button").click();
    await page.waitForSelector("[aria-invalid=true]");
    await page.fill("input[name=code]", await codeFor(other));
    await page.locator("form", { has: page.locator("input[name=code]") }).locator("button").click();
    await page.waitForSelector(`text=${other}`);

    await page.goto("/account/privacy");
    const saved = page.waitForEvent("download");
    await page.click("text=Save the file");
    if ((await saved).suggestedFilename() !== "seatgrid-my-data.json") throw new Error("no file");
    await page.click("#app .sure > button");
    await page.click("text=Yes, delete it");
    await page.waitForURL((url) => url.pathname === "/");
    await page.waitForSelector(".who a[href='/signin']");
    await leave(visit, [400]);
  });

  await test("a person chooses how to be told, binds a chat, and gets a notice in the browser", async () => {
    const visit = await visitor();
    const { page, context } = visit;
    await register(visit, somebody());
    await page.goto("/account/notifications");
    await page.waitForSelector("#app[data-ready]");
    const box = (name) => page.getByRole("checkbox", { name, exact: true });
    const reminder = "Reminder before the event: E-mail";
    await box(reminder).uncheck();
    await page.selectOption("select[name=language]", "en");
    await page.locator("form.wide-form button[type=submit]").click();
    await page.waitForSelector("text=Saved.");
    await page.reload();
    await page.waitForSelector("#app[data-ready]");
    if (await box(reminder).isChecked()) throw new Error("the choice is not kept");
    for (const way of ["E-mail", "Telegram", "This and other browsers"]) {
      await box(`The event is cancelled: ${way}`).uncheck();
    }
    await page.locator("form.wide-form button[type=submit]").click();
    await page.waitForSelector(".error:has-text('Keep at least one way')");

    await page.click("#telegram button");
    const line = await page.textContent("#telegram .secret");
    await fetch(`${file("sandbox.url")}/telegram/say`, { method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ chat_id: 7000 + Math.floor(Math.random() * 1e6), text: line }) });
    await page.waitForSelector("text=The chat is bound.");
    await accessible(page, "/account/notifications with a chat");
    await shot(visit, "cabinet-notifications-chat");

    await context.grantPermissions(["notifications"]);
    const scope = await page.evaluate(() => navigator.serviceWorker.ready.then((it) => it.scope));
    const debug = await context.newCDPSession(page);
    const found = new Promise((done) => {
      debug.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
        const own = registrations.find(({ scopeURL }) => scopeURL === scope);
        if (own) done(own.registrationId);
      });
    });
    await debug.send("ServiceWorker.enable");
    await debug.send("ServiceWorker.deliverPushMessage", { origin: new URL(scope).origin,
      registrationId: await found, data: JSON.stringify({ title: "Seats for you",
        body: "Two seats wait.", kind: "turn_came", about: "w1-1" }) });
    await page.waitForFunction(async () => {
      const worker = await navigator.serviceWorker.ready;
      return (await worker.getNotifications()).some(({ title }) => title === "Seats for you");
    });
    await leave(visit);
  });

  await test("signing in with a second factor, and out everywhere", async () => {
    const visit = await visitor({ size: "phone", lang: "ru" });
    const { page } = visit;
    const who = somebody();
    await register(visit, who);
    await cabinet(visit, "cabinet");
    await page.goto("/account/security");
    await page.click("#app .stack > button");
    const secret = (await page.textContent(".secret code")).replaceAll(" ", "");
    // Each step of time has one code that works once: the earlier one leaves the present for later.
    await page.fill(".stack input[name=code]", totp(secret, Date.now() - 30_000));
    await page.click(".stack button[type=submit]");
    await page.waitForSelector("#app .notice");

    const elsewhere = await visitor({ lang: "en" });
    await elsewhere.page.goto("/account/orders?lang=en");
    await elsewhere.page.waitForURL("**/signin?next=*");
    await elsewhere.page.waitForSelector("input[name=identifier]");
    await accessible(elsewhere.page, "/signin");
    await shot(elsewhere, "signin");
    await elsewhere.page.fill("input[name=identifier]", who.email);
    await elsewhere.page.fill("input[name=password]", "wrong");
    await elsewhere.page.keyboard.press("Enter");
    await elsewhere.page.waitForSelector(".error:not([hidden])");
    await elsewhere.page.fill("input[name=password]", who.password);
    await elsewhere.page.keyboard.press("Enter");
    await elsewhere.page.waitForSelector("input[name=code]:visible");
    await elsewhere.page.fill("input[name=code]", totp(secret));
    await elsewhere.page.keyboard.press("Enter");
    await elsewhere.page.waitForURL("**/account/orders?lang=en");

    await page.goto("/account/security");
    await page.waitForSelector(".session-row:nth-child(2)");
    await page.click(".sure > button");
    await page.click(".asking .danger");
    await page.waitForFunction(() => document.querySelectorAll(".session-row").length === 1);
    await elsewhere.page.goto("/account/profile");
    await elsewhere.page.waitForURL("**/signin?next=*");
    await leave(elsewhere, [401]);
    await page.click(".who .plain");
    await page.waitForURL((url) => url.pathname === "/");
    await leave(visit);
  });

  await test("signing in by a provider of identities", async () => {
    const visit = await visitor({ size: "phone", lang: "ru" });
    const { page } = visit;
    const who = somebody();
    await register(visit, who);
    const byProvider = async () => {
      await page.click(".who .plain");
      await page.waitForURL((url) => url.pathname === "/");
      await page.goto("/signin");
      await page.click("a.button[href*='/auth/social/']");
      await page.waitForURL(`${file("sandbox.url")}/**`);
      await page.fill("input[name=sub]", who.login);
      await page.fill("input[name=email]", who.email);
      await page.click("button");
      await page.waitForURL((url) => ["/account", "/signin"].includes(url.pathname));
    };
    await byProvider();
    if (new URL(page.url()).pathname === "/signin") {
      // Nobody has linked the two yet: the password does, once.
      await page.waitForSelector("#app [role=alert]");
      await accessible(page, "/signin after a provider");
      await shot(visit, "signin-social");
      await page.fill("input[name=identifier]", who.email);
      await page.fill("input[name=password]", who.password);
      await page.keyboard.press("Enter");
      await page.waitForURL("**/account");
      await page.waitForSelector(".who .plain");
      await byProvider();
    }
    await page.waitForURL("**/account");
    await page.waitForSelector(".who .plain");
    await leave(visit);
  });

  await test("a forgotten password is set anew", async () => {
    const visit = await visitor({ lang: "en" });
    const { page } = visit;
    const who = somebody();
    await register(visit, who);
    const before = await codeFor(who.email);
    await page.goto("/reset");
    await page.fill("input[name=identifier]", who.login);
    await accessible(page, "/reset");
    await shot(visit, "reset");
    await page.click("#app button[type=submit]");
    await page.fill("input[name=code]", await codeFor(who.email, before));
    await page.fill("input[name=password]", `other-${who.password}`);
    await page.click("#app button[type=submit]");
    await page.click("#app a[href='/signin']");
    await page.waitForSelector("input[name=identifier], .who a[href='/account']");
    await page.context().clearCookies();
    await page.goto("/signin");
    await page.fill("input[name=identifier]", who.login);
    await page.fill("input[name=password]", `other-${who.password}`);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/account");
    await leave(visit, [401]);
  });
}
