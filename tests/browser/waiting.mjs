// Waiting: the room in front of a sale and the list after the sell-out, at a desk and on a phone.

import { accessible, administrator, api, file, leave, ownEvent, shot, test, until, visitor }
  from "./harness.mjs";
import { details, order, orderOf, pay } from "./shop.mjs";

const SIZES = [{ size: "desktop" }, { size: "phone", lang: "ru", dark: true }];

/** Holds `number` seats as somebody else; gives the hold. */
const hold = (event, number) => api("POST", `/events/${event}/holds`,
  { body: { best: { number } }, key: true });

async function room(event, admitPerS) {
  const token = await administrator();
  await api("POST", `/admin/events/${event}/queue`, { token, key: true,
    body: { admit_per_s: admitPerS } });
}

/** The place that the page shows. */
const placeOf = async ({ page }) => Number(await page.textContent("#room-place"));

async function list(options) {
  const event = await ownEvent(`List ${Date.now()}`, { rows: 1, rules: { waitlist_ttl_s: 240 } });
  const others = [await hold(event, 5), await hold(event, 5)];
  const visit = await visitor(options);
  const { page } = visit;
  await page.goto(`/events/${event}`);
  await page.waitForSelector("#waitlist form");
  await accessible(page, "the waiting list's form");
  await shot(visit, "waitlist-form");
  await page.fill("#waitlist input[name=number]", "2");
  await page.locator("#waitlist input[name=number]").press("Enter");
  await page.waitForSelector("#waitlist .sure button");
  await accessible(page, "a place in the waiting list");
  await shot(visit, "waitlist-place");
  await page.reload();
  await page.waitForSelector("#waitlist .sure button");

  const second = await visitor({ size: "phone" });
  await second.page.goto(`/events/${event}`);
  await second.page.waitForSelector("#waitlist form");
  await second.page.click("#waitlist form [type=submit]");
  await second.page.waitForFunction(() =>
    document.getElementById("wait-text").textContent.includes("1 person"));
  await second.page.click("#waitlist .sure > button");
  await second.page.click("#waitlist .danger");
  await second.page.waitForFunction(() =>
    document.getElementById("wait-text").textContent.includes("left the list"));
  await leave(second);

  await api("DELETE", `/holds/${others[0].id}`, { hold: others[0].token });
  await page.waitForSelector("#wait-take");
  await page.waitForFunction(() =>
    /^[1-4]:[0-5][0-9]$/.test(document.getElementById("wait-clock-time").textContent));
  await accessible(page, "an offer of the waiting list");
  await shot(visit, "waitlist-offer");
  await page.click("#wait-take");
  await page.waitForSelector("[data-stage=held]");
  await page.waitForSelector("#waitlist", { state: "hidden" });
  await details(visit);
  await page.waitForURL(`${file("sandbox.url")}/**`);
  const back = await page.context().newPage();
  await back.goto("/");
  const id = await orderOf({ page: back });
  await back.close();
  await pay(visit, "succeed");
  await order(visit, "paid", id);
  await leave(visit, [404]);
}

/** A room in front of a sale that is open: who comes later stands behind. */
async function roomInSale(options) {
  const event = await ownEvent(`Room ${Date.now()}`);
  await room(event, 1);
  const visit = await visitor(options);
  const { page } = visit;
  await until("the page shows the room", async () => {
    await page.goto(`/events/${event}`);
    return page.locator("#room:visible").count();
  });
  await page.waitForSelector(".fresh[data-state=live]");
  await accessible(page, "a waiting room from outside");
  await shot(visit, "room-outside");

  // Without a turn a hold leads here.
  await page.click("#view-list");
  await page.locator("#seat-list summary").first().click();
  await page.locator("#seat-list .seat").nth(3).click();
  await page.click("#hold-button");
  await page.waitForFunction(() => document.activeElement?.id === "room-title");

  const before = 12;
  for (let one = 0; one < before; one += 1) {
    await api("POST", `/events/${event}/queue`, { key: true });
  }
  await page.click("#room-enter");
  await page.waitForSelector("#room-place");
  const place = await placeOf(visit);
  await accessible(page, "a place in the waiting room");
  await shot(visit, "room-waiting");
  await page.reload();
  await page.waitForSelector("#room-place, [data-room=ready]");
  if (await page.locator("#room-place").count() > 0 && await placeOf(visit) > place) {
    throw new Error("the place was lost over a reload");
  }
  await page.waitForSelector("[data-room=ready]");
  await page.waitForFunction(() =>
    /^\d+:[0-5][0-9]$/.test(document.getElementById("room-clock-time").textContent));
  await accessible(page, "a turn");
  await shot(visit, "room-turn");
  await page.click("#best-form [type=submit]");
  await page.waitForSelector("[data-stage=held]");
  await page.waitForSelector("#room", { state: "hidden" });
  await leave(visit, [403]);
}

/** A room before the sale: present at the opening, drawn, and the draw names one's own part. */
async function roomBeforeSale() {
  const event = await ownEvent(`Draw ${Date.now()}`, { opensInS: 25 });
  await room(event, 5);
  const visit = await visitor({ size: "phone" });
  const { page } = visit;
  await until("the page shows the room", async () => {
    await page.goto(`/events/${event}`);
    return page.locator("#room:visible").count();
  });
  await page.click("#room-enter");
  await page.waitForSelector("#room-present");
  await page.click("#room-draw summary");
  const salt = await page.textContent("#room-salt");
  await accessible(page, "before the draw");
  await shot(visit, "room-present");
  await page.waitForSelector("[data-room=ready]");
  const draw = await until("the draw", async () => {
    const found = await api("GET", `/events/${event}/draw`);
    return found.status === "drawn" ? found : null;
  });
  if (!draw.items.some((one) => one.salt === salt)) throw new Error("the draw has not my part");
  await leave(visit);
}

export async function waiting() {
  for (const options of SIZES) {
    await test(`the waiting list: ${options.size}`, () => list(options));
    await test(`the waiting room of a sale: ${options.size}`, () => roomInSale(options));
  }
  await test("the waiting room before a sale, and its draw", roomBeforeSale);
}
