// What all browser tests share: Chromium, visitors at phone and desktop size, the accessibility
// checker, the console's complaints, and the shop's own API for what a test needs beforehand.

import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const { SEATGRID_BROWSER_TOOLS: tools, SEATGRID_CHROMIUM: executablePath, SEATGRID_URL: base,
  SEATGRID_DATA: data, SEATGRID_SHOTS: shots, SEATGRID_ASSETS: assets } = process.env;

const require = createRequire(join(tools, "package.json"));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** How long anything on a page may take on a loaded machine, in milliseconds. */
export const WITHIN_MS = 60_000;
export const SIZES = {
  desktop: { viewport: { width: 1280, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true,
    deviceScaleFactor: 2 },
};

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

export const file = (name) => readFileSync(join(data, name), "utf8").trim();

/** A visitor with a browser of their own. Collects what the console complains of. */
export async function visitor({ size = "desktop", lang = "en", dark = false } = {}) {
  const context = await browser.newContext({ ...SIZES[size], baseURL: base,
    locale: lang === "en" ? "en-GB" : "ru-RU", colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce" });
  context.setDefaultTimeout(WITHIN_MS);
  // Scripts and styles from a folder, to try them without building the shop anew.
  if (assets) {
    await context.route("**/assets/*/*", (route) =>
      route.fulfill({ path: join(assets, route.request().url().split("/").at(-1)) }));
  }
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error") {
      complaints.push(`${message.text()} ${message.location().url} @ ${page.url()}`);
    }
  });
  page.on("pageerror", (error) => complaints.push(`${error} @ ${page.url()}`));
  return { context, page, complaints, size, lang, dark };
}

/** Ends a visit; whatever the console complained of fails the test, but for refusals that the test
 * provoked: the browser itself writes a line for each answer with one of the `expected` statuses.
 * 503 says that a loaded machine asked for patience, which the scripts have. */
export async function leave({ context, complaints }, expected = []) {
  await context.close();
  const known = (text) => [503, ...expected].some((status) => text.includes(`status of ${status} `));
  const real = complaints.filter((text) => !known(text));
  if (real.length > 0) throw new Error(`the console complains:\n${real.join("\n")}`);
}

/** The checker's serious and critical findings fail the test, and what does not fit sideways. */
export async function accessible(page, name) {
  // By the debugger's door, so that the page's own policy stays as strict as it is.
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, impact, help, nodes }) => ({ id, impact, help,
      where: nodes.slice(0, 3).map(({ target, failureSummary }) =>
        `${target.join(" ")}: ${failureSummary}`) }));
  });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  const wide = width - page.viewportSize().width;
  if (wide > 1) throw new Error(`${name}: ${wide} px wider than the screen`);
  const bad = found.filter(({ impact }) => impact === "serious" || impact === "critical");
  if (bad.length > 0) throw new Error(`${name}: ${JSON.stringify(bad, null, 1)}`);
}

/** How much the page's content jumped while it came, as browsers count it. */
export async function shifted(page) {
  return page.evaluate(() => new Promise((done) => {
    let sum = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
  }));
}

/** Goes to a page of the shop; a loaded machine that asks for patience gets it. */
export async function open(page, path) {
  await until(path, async () => (await page.goto(path)).status() !== 503);
}

/** A picture of the page, where pictures were asked for. */
export async function shot({ page, size, lang, dark }, name) {
  if (!shots) return;
  await mkdir(shots, { recursive: true });
  const path = join(shots, `${name}-${size}-${lang}${dark ? "-dark" : ""}.png`);
  await page.screenshot({ path, fullPage: true });
}

/** A call of the shop's API from outside any page; throws on a refusal. A loaded machine that asks for
 * patience gets it, with the same key. */
export async function api(method, path, { body, token, hold, key, revision } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (hold) headers["X-Hold-Token"] = hold;
  if (token) headers.Authorization = `Bearer ${token}`;
  if (key || method === "POST") headers["Idempotency-Key"] = crypto.randomUUID();
  if (revision !== undefined) headers["If-Match"] = `"${revision}"`;
  const ask = () => fetch(`${base}/api/v1${path}`, { method, headers,
    body: body === undefined ? undefined : JSON.stringify(body) });
  const answer = await until(`${method} ${path}`, async () => {
    const answered = await ask();
    return answered.status === 503 ? null : answered;
  });
  const json = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(json)}`);
  return json;
}

/** The administrator's token. */
export async function administrator() {
  const body = { identifier: "admin", password: file("admin.password") };
  return (await api("POST", "/auth/login", { body })).access_token;
}

/** Asks until `look` gives something; fails after WITHIN_MS. */
export async function until(what, look) {
  const deadline = Date.now() + WITHIN_MS;
  while (Date.now() < deadline) {
    const found = await look();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`${what}: nothing within ${WITHIN_MS} ms`);
}

/** The newest code in the letters to an address. */
export async function codeFor(address, after = "") {
  return until(`a code for ${address}`, async () => {
    const answer = await fetch(`${file("sandbox.url")}/mailbox?to=${encodeURIComponent(address)}`);
    for (const { text } of await answer.json()) {
      const code = /(?<!\d)\d{6}(?!\d)/.exec(text)?.[0];
      if (code && code !== after) return code;
    }
    return null;
  });
}

/** An event of the test's own with `rows` x 10 seats and its own length of a hold. */
export async function ownEvent(name, { holdTtlS = 300, rows = 2, rules, opensInS = -60 } = {}) {
  const token = await administrator();
  const make = (path, body) => api("POST", path, { token, body, key: true });
  const venue = await make("/admin/venues", { name: `${name} hall`, city: "Kazan",
    address: "Bauman street 1", timezone: "Europe/Moscow" });
  const seat = (row) => (_, at) => ({ number: String(at + 1), tier: "a", x: at, y: row });
  const plan = await make("/admin/plans", { venue_id: venue.id, name: `${name} plan`, sections: [{
    id: "P", name: "Parterre", kind: "seated", rows: Array.from({ length: rows }, (_, row) =>
      ({ label: String(row + 1), seats: Array.from({ length: 10 }, seat(row)) })) }] });
  const day = 24 * 3600 * 1000;
  const event = await make("/admin/events", { name, description: "For a test.", artist_ids: [],
    venue_id: venue.id, plan_id: plan.id,
    starts_at: new Date(Date.now() + 90 * day).toISOString(), currency: "RUB",
    tiers: [{ id: "a", name: "Parterre", price: { value: "1500.00", currency: "RUB" } }],
    sale: { opens_at: new Date(Date.now() + opensInS * 1000).toISOString(), closes_at: null,
      short_notice_reason: null },
    limits: { per_person: 6, per_hold: 6 }, hold_ttl_s: holdTtlS, ...(rules ? { rules } : {}) });
  await api("POST", `/admin/events/${event.id}/publish`, { token, key: true });
  await until(`${name} on sale`, async () => {
    const answer = await fetch(`${base}/api/v1/events/${event.id}/availability`);
    if (!answer.ok) return null;
    const page = await fetch(`${base}/events/${event.id}`);
    return page.ok;
  });
  return event.id;
}

/** Tickets bought by somebody at another place: {order, token, tickets}. */
export async function bought(event, number) {
  const hold = await api("POST", `/events/${event}/holds`, { body: { best: { number } }, key: true });
  const with_ = { hold: hold.token, key: true };
  const order = await api("POST", "/orders", { ...with_, body: { hold_id: hold.id,
    buyer: { name: "Oleg Petrov", email: "oleg@example.org", phone: "+79000000001" },
    consents: ["personal_data"], channels: ["email"] } });
  const payment = await api("POST", `/orders/${order.id}/payments`, { ...with_, body: {
    provider: "sandbox", method: "bank_card", return_url: `${base}/orders/${order.id}` } });
  await fetch(payment.confirmation.confirmation_url, { method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ outcome: "succeed", delay_ms: 0 }) });
  await until(`the order ${order.id} is paid`, async () => {
    const { status } = await api("GET", `/orders/${order.id}`, { hold: hold.token });
    return status === "paid";
  });
  const tickets = await api("GET", `/orders/${order.id}/tickets`, { hold: hold.token });
  return { order: order.id, token: hold.token, tickets: tickets.items ?? tickets };
}

const results = [];

/** Runs one test; its failure is told at the end, the others go on. */
export async function test(name, body) {
  const only = process.env.SEATGRID_ONLY;
  if (only && !name.includes(only)) return;
  const from = performance.now();
  try {
    await body();
    results.push({ name, ok: true });
    console.log(`ok    ${name} (${Math.round(performance.now() - from)} ms)`);
  } catch (error) {
    results.push({ name, ok: false });
    console.log(`FAILED ${name}\n${error?.stack ?? error}`);
  }
}

/** Ends the run: exit code 1 when a test failed or none ran. */
export async function finish() {
  await browser.close();
  const failed = results.filter(({ ok }) => !ok).length;
  console.log(`${results.length - failed} of ${results.length} browser tests passed`);
  process.exitCode = failed > 0 || results.length === 0 ? 1 : 0;
}
