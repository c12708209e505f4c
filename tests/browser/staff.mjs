// Staff's pages: signing in, the board, writing an artist, a venue, a plan from a file and an event,
// selling it, looking at the order, giving money back, reading the ledger.

import { accessible, api, bought, file, leave, ownEvent, shot, test, until, visitor }
  from "./harness.mjs";

const PLAN = ["section,row,number,tier,x,y,flags",
  ...Array.from({ length: 40 }, (_, at) => `P,${1 + Math.floor(at / 10)},${1 + (at % 10)},`
    + `${at < 20 ? "a" : "b"},${at % 10},${Math.floor(at / 10)},`)].join("\n");

/** A date and time as a field has it, `days` from now. */
const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 16);

async function signIn(visit) {
  const { page } = visit;
  await page.goto("/staff");
  await page.waitForSelector("input[name=identifier]");
  await page.fill("input[name=identifier]", "admin");
  await page.fill("input[name=password]", file("admin.password"));
  await page.keyboard.press("Enter");
  await page.waitForURL("**/staff");
}

async function submit(page, within = "#app form") {
  await page.locator(within).last().locator("button[type=submit]").click();
}

async function sure(page, name) {
  const box = page.locator(".sure", { has: page.getByRole("button", { name, exact: true }) });
  await box.getByRole("button", { name, exact: true }).first().click();
  await box.locator(".danger").click();
}

export async function staff() {
  await test("an organiser brings an event on sale", async () => {
    const visit = await visitor();
    const { page } = visit;
    const mark = Date.now().toString(36);
    await signIn(visit);

    await page.goto("/staff/artists");
    await page.waitForSelector("input[name=name]");
    await page.fill("input[name=name]", `Trio ${mark}`);
    await page.fill("input[name=genre]", "jazz");
    await page.fill("textarea[name=works]", "Blue; 1999\nGreen; 2004");
    await submit(page);
    await page.click(`text=Trio ${mark}`);
    await page.waitForSelector("textarea[name=bio]");
    await page.fill("textarea[name=bio]", "Three of them.");
    await submit(page, "#app section form");
    await page.waitForSelector("text=Saved.");
    await accessible(page, "/staff/artists");
    await shot(visit, "staff-artist");

    await page.goto("/staff/venues");
    await page.waitForSelector("input[name=name]");
    await page.fill("input[name=name]", `Club ${mark}`);
    await page.fill("input[name=city]", "Kazan");
    await page.fill("input[name=address]", "Bauman street 1");
    await page.fill("input[name=timezone]", "Nowhere/At all");
    await submit(page);
    await page.waitForSelector("input[name=timezone][aria-invalid=true]");
    await page.fill("input[name=timezone]", "Europe/Moscow");
    await submit(page);
    await page.waitForSelector(`text=Club ${mark}`);

    await page.goto("/staff/plans");
    await page.waitForSelector("input[name=file]");
    await page.selectOption("select[name=venue_id]", { label: `Club ${mark}` });
    await page.setInputFiles("input[name=file]",
      { name: `Rows ${mark}.csv`, mimeType: "text/csv", buffer: Buffer.from(PLAN) });
    await page.waitForSelector("text=40 places");
    await accessible(page, "/staff/plans");
    await shot(visit, "staff-plan");
    await submit(page);
    await page.waitForSelector(`a:has-text("Rows ${mark}")`);

    await page.goto("/staff/events");
    await page.waitForSelector("input[name=name]");
    await shot(visit, "staff-events");
    await page.fill("input[name=name]", `Evening ${mark}`);
    await page.fill("input[name=artist_ids]", `Trio ${mark}`);
    await page.selectOption("select[name=venue_id]", { label: `Club ${mark}` });
    await page.selectOption("select[name=plan_id]", { label: `Rows ${mark}` });
    await page.fill("input[name=starts_at]", day(90));
    await page.fill("input[name=opens_at]", day(-1));
    await page.fill("textarea[name=tiers]", "a; Front; 2000.00\nb; Back; 1000.00");
    await submit(page);
    await page.waitForURL("**/staff/events?id=*");
    await page.waitForSelector(".switches");
    await sure(page, "Publish");
    await page.waitForSelector("dd:has-text('on sale')");
    await accessible(page, "/staff/events");
    await shot(visit, "staff-event");
    await sure(page, "Pause the sale");
    await page.waitForSelector("dd:has-text('paused')");
    await sure(page, "Resume the sale");
    await page.waitForSelector("dd:has-text('on sale')");
    await page.fill("textarea[name=seats]", "P-1-1 P-1-2");
    await submit(page, "#app form:has(textarea[name=seats])");
    await page.waitForFunction(() => [...document.querySelectorAll("dt")]
      .some((dt) => dt.textContent === "Held back" && dt.nextSibling.textContent === "2"));
    await leave(visit, [400]);
  });

  await test("staff opens a waiting room, moves an event, and cancels it", async () => {
    const event = await ownEvent(`Campaign ${Date.now()}`);
    const sold = await bought(event, 2);
    const visit = await visitor();
    const { page } = visit;
    await signIn(visit);
    await page.goto(`/staff/events?id=${event}`);
    await page.click("#room summary");
    await page.fill("input[name=rate]", "7");
    await page.check("input[name=sure] >> visible=true");
    await page.click("text=Open the waiting room");
    await page.waitForSelector(".notice:has-text('Done.')");
    await page.click("#room summary");
    await page.waitForSelector("#room dd:has-text('not yet drawn'), #room dd:has-text('drawn')");
    await accessible(page, "an event with a waiting room");
    await shot(visit, "staff-event-room");
    const draw = await api("GET", `/events/${event}/draw`);
    if (draw.admit_per_s !== 7) throw new Error(`${draw.admit_per_s} a second`);

    const moved = day(100);
    await page.fill("input[name=starts]", moved);
    await page.locator("input[name=starts]").evaluate((field) => field.setAttribute("data-old", ""));
    await page.click("text=Move it");
    await page.waitForSelector("input[name=starts]:not([data-old])");
    if (await page.inputValue("input[name=starts]") !== moved) throw new Error("not moved");

    // Work for the background, which is then listed.
    await until("a ticket on paper", async () => {
      const path = `/api/v1/tickets/${sold.tickets[0].id}.pdf`;
      const paper = await fetch(new URL(path, page.url()),
        { headers: { "X-Hold-Token": sold.token } });
      return paper.status === 200;
    });
    await page.goto("/staff/work?status=done");
    await page.waitForSelector("#jobs .data");
    await page.goto(`/staff/events?id=${event}`);
    await page.waitForSelector(".switches");
    await sure(page, "Cancel the event");
    await page.waitForSelector("#campaign progress");
    await page.waitForSelector("#campaign .badge-valid");
    await accessible(page, "a cancelled event");
    await shot(visit, "staff-event-cancelled");
    const order = await api("GET", `/orders/${sold.order}`, { hold: sold.token });
    if (order.status !== "refunded") throw new Error(`the order is ${order.status}`);
    await leave(visit, [404]);
  });

  for (const options of [{ size: "desktop" }, { size: "phone", lang: "ru", dark: true }]) {
    await test(`staff's pages to look at: ${options.size}`, async () => {
      const visit = await visitor(options);
      const { page } = visit;
      await signIn(visit);
      await page.waitForSelector(".data");
      await page.waitForSelector(".badge-valid");
      await page.waitForSelector("#gateways td:has-text('sandbox')");
      await page.waitForSelector("#expiry .bars li:nth-child(5)");
      await accessible(page, "/staff");
      await shot(visit, "staff-board");
      await page.goto("/staff/audit");
      await page.waitForSelector("#records .data");
      await page.locator("section form").nth(1).locator("button").click();
      await page.waitForSelector(".badge-valid");
      await accessible(page, "/staff/audit");
      await shot(visit, "staff-audit");
      await page.goto("/staff/work");
      await page.waitForSelector("#jobs > *");
      await accessible(page, "/staff/work");
      await shot(visit, "staff-work");
      await page.goto("/staff/work?status=running");
      await page.waitForSelector("#jobs > *");
      await page.goto("/staff/audit");
      await page.waitForSelector("#records .data");
      const order = await page.getAttribute("#records a[href*='/staff/orders']", "href");
      await page.goto(order);
      await page.waitForSelector(".timeline li");
      await accessible(page, "/staff/orders");
      await shot(visit, "staff-order");
      await leave(visit);
    });
  }
}
