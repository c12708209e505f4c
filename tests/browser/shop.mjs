// The purchase as shoppers make it: at a desk and on a phone, by keyboard alone, paid, refused, too
// late, and two of them at one seat.

import { accessible, api, file, leave, open, ownEvent, shifted, shot, test, until, visitor }
  from "./harness.mjs";

/** How far content may jump while a page comes; browsers call more than this poor. */
const SHIFT_MAX = 0.1;

async function look(visit, path, name, ready) {
  const { page } = visit;
  await open(page, path);
  await page.waitForSelector(ready);
  await page.waitForLoadState("domcontentloaded");
  await accessible(page, path);
  const shift = await shifted(page);
  if (shift > SHIFT_MAX) throw new Error(`${path} jumps: ${shift}`);
  await shot(visit, name);
}

/** Every page that needs no account, as one visitor sees it. */
async function pages(options) {
  const visit = await visitor(options);
  const { page } = visit;
  await look(visit, "/", "home", ".cards");
  await page.fill("input[name=q]", "zzzz");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".empty");
  await accessible(page, "/?q=zzzz");
  await look(visit, "/events/demo-hall", "event", ".fresh[data-state=live]");
  await page.click("#view-list");
  await page.locator("#seat-list summary").first().click();
  await accessible(page, "the list of seats");
  await shot(visit, "event-list");
  await page.goto("/events/demo-hall");
  const artist = await page.getAttribute(".eyebrow a", "href");
  await look(visit, artist, "artist", "h1");
  await look(visit, "/consent/personal_data", "consent", "h1");
  await look(visit, "/signin", "signin", "#app form");
  await look(visit, "/register", "register", "#app form");
  await look(visit, "/no-such-page", "nowhere", "h1");
  await leave(visit, [404]);
}

/** Chooses seats by the form, by keyboard alone where asked. */
async function holdBest({ page }, event, { keyboard = false } = {}) {
  await page.goto(`/events/${event}`);
  await page.waitForSelector(".fresh[data-state=live]");
  if (!keyboard) {
    await page.click("#best-form [type=submit]");
  } else {
    await tabTo(page, "#best-form [type=submit]");
    await page.keyboard.press("Enter");
  }
  await page.waitForSelector("[data-stage=held]");
}

/** Presses Tab until the focus is at `selector`. */
async function tabTo(page, selector) {
  for (let pressed = 0; pressed < 200; pressed += 1) {
    if (await page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard does not reach ${selector}`);
}

const BUYER = { name: "Anna Ivanova", email: "anna@example.org", phone: "+7 900 000-00-00" };

export async function details({ page }, { keyboard = false } = {}) {
  for (const [name, value] of Object.entries(BUYER)) {
    if (keyboard) {
      await tabTo(page, `#buyer-${name}`);
      await page.keyboard.type(value);
    } else await page.fill(`#buyer-${name}`, value);
  }
  if (!keyboard) {
    await page.check("#consent");
    await page.click("#pay-button");
    return;
  }
  await tabTo(page, "#consent");
  await page.keyboard.press("Space");
  await tabTo(page, "#pay-button");
  await page.keyboard.press("Enter");
}

/** At the gateway: what becomes of the payment, then back in the shop on the order's page. */
export async function pay({ page }, outcome, delayMs = 0) {
  await page.waitForURL(`${file("sandbox.url")}/**`);
  const answer = await fetch(page.url(), { method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ outcome, delay_ms: delayMs }) });
  if (!answer.ok) throw new Error(`the gateway answers ${answer.status}`);
}

export async function order(visit, state, id) {
  await visit.page.goto(`/orders/${id}`);
  await visit.page.waitForSelector(`#state[data-state=${state}]`);
  await accessible(visit.page, `an order: ${state}`);
  await shot(visit, `order-${state}`);
}

/** The newest order that this browser made. */
export const orderOf = ({ page }) => page.evaluate(() =>
  Object.keys(JSON.parse(localStorage.getItem("seatgrid.keep")).orders).at(-1));

/** Holds, fills in, goes to pay; gives the order's id. */
async function upToPayment(visit, event, options) {
  await holdBest(visit, event, options);
  await accessible(visit.page, "a hold");
  await shot(visit, "event-held");
  await details(visit, options);
  await visit.page.waitForURL(`${file("sandbox.url")}/**`);
  const back = await visit.page.context().newPage();
  await back.goto("/");
  const id = await orderOf({ page: back });
  await back.close();
  return id;
}

/** What a normal run of all tests takes of it. */
export async function shopInShort() {
  await test("a purchase by card, by keyboard", () => purchase({ keyboard: true }));
}

async function purchase(options) {
  const visit = await visitor(options);
  const id = await upToPayment(visit, "demo-hall", options);
  await pay(visit, "succeed");
  await order(visit, "paid", id);
  await visit.page.waitForSelector(".ticket-list .ticket .qr");
  await shot(visit, "order-tickets");
  await visit.page.click(".ticket-list a");
  await visit.page.waitForSelector("#ticket .qr");
  await accessible(visit.page, "a ticket");
  await shot(visit, "ticket");
  // Once the worker is in charge, what is opened stays to be opened without a network.
  await visit.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await visit.page.reload();
  await visit.page.waitForSelector("#ticket .qr");
  await visit.context.setOffline(true);
  await visit.page.reload();
  await visit.page.waitForSelector("#ticket .qr");
  await visit.context.setOffline(false);
  await leave(visit);
}

/** On paper an order with tickets is its tickets alone. */
async function onPaper(visit) {
  const { page } = visit;
  await page.waitForSelector("#print:not([hidden])");
  await page.emulateMedia({ media: "print" });
  for (const [what, isThere] of [["#state", false], ["#contents", false], ["#history", false],
    [".top", false], ["#print", false], [".ticket-list .ticket .qr", true]]) {
    if (await page.locator(what).first().isVisible() !== isThere) {
      throw new Error(`on paper: ${what}`);
    }
  }
  await shot(visit, "order-tickets-paper");
  await page.emulateMedia({ media: "screen" });
}

/** What was told of an order stands on its page, a moment after it was told. */
async function told(visit, id) {
  await until("what was told", async () => {
    await order(visit, "paid", id);
    return visit.page.locator("#told-list li").count();
  });
  await shot(visit, "order-told");
}

export async function shop() {
  for (const options of [{ size: "desktop", lang: "en" }, { size: "phone", lang: "ru", dark: true },
    { size: "desktop", lang: "ru", dark: true }, { size: "phone", lang: "en" }]) {
    const name = Object.values(options).join(" ");
    await test(`every open page: ${name}`, () => pages(options));
  }

  for (const options of [{ size: "desktop", keyboard: true }, { size: "phone", lang: "ru" }]) {
    const how = options.keyboard ? "by keyboard" : options.size;
    await test(`a purchase by card, ${how}`, () => purchase(options));
  }

  await test("a refused payment can be made again", async () => {
    const visit = await visitor({ size: "phone" });
    const id = await upToPayment(visit, "demo-hall");
    await pay(visit, "fail");
    await order(visit, "declined", id);
    await visit.page.click("#pay button[type=submit]");
    await pay(visit, "succeed");
    await order(visit, "paid", id);
    await visit.page.waitForSelector(".ticket-list .ticket .qr");
    await onPaper(visit);
    await told(visit, id);
    await leave(visit);
  });

  await test("time runs out, and late money finds the seats free", async () => {
    const event = await ownEvent(`Short ${Date.now()}`, { holdTtlS: 8 });
    const visit = await visitor();
    await holdBest(visit, event);
    await visit.page.waitForSelector("[data-stage=choosing]");
    await visit.page.waitForSelector("#tray-notice:not([hidden])");
    await accessible(visit.page, "a hold that ended");
    await shot(visit, "event-expired");
    const id = await upToPayment(visit, event);
    await order(visit, "expired", id);
    const kept = await visit.page.evaluate((order) =>
      JSON.parse(localStorage.getItem("seatgrid.keep")).orders[order], id);
    await fetch(kept.payUrl, { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ outcome: "succeed", delay_ms: 0 }) });
    await order(visit, "paid", id);
    await visit.page.waitForSelector("#timeline li:nth-child(4)");
    await leave(visit, [410]);
  });

  await test("two shoppers at one seat: one gets it, the other is told which is lost", async () => {
    const event = await ownEvent(`Race ${Date.now()}`, { rows: 1 });
    const both = await Promise.all([visitor(), visitor({ size: "phone" })]);
    for (const { page } of both) {
      await page.goto(`/events/${event}`);
      await page.waitForSelector(".fresh[data-state=live]");
      await page.click("#view-list");
      await page.locator("#seat-list summary").first().click();
      await page.locator("#seat-list .seat").nth(4).click();
      await page.waitForSelector("[data-stage=chosen]");
    }
    await Promise.all(both.map(({ page }) => page.click("#hold-button")));
    const stages = await until("both know", async () => {
      const seen = await Promise.all(both.map(({ page }) => page.evaluate(() =>
        [document.getElementById("main").dataset.stage,
          document.getElementById("tray-notice").textContent])));
      const won = seen.filter(([stage]) => stage === "held").length;
      const lost = seen.filter(([stage, text]) => stage !== "held" && text !== "").length;
      return won === 1 && lost === 1 ? seen : null;
    });
    const told = stages.find(([stage]) => stage !== "held")[1];
    if (!/row 1, seat 5.*Take .*row 1, seat [46]/.test(told)) throw new Error(`the lost seat is not named: ${told}`);
    const free = await api("GET", `/events/${event}/availability`);
    if (free.held !== 1) throw new Error(`${free.held} seats are held`);
    for (const visit of both) await leave(visit, [409]);
  });
}
