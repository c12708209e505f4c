// The door: a steward with a scanner, with and without a network.

import { accessible, administrator, api, bought, leave, ownEvent, shot, test, until, visitor }
  from "./harness.mjs";
import { register, somebody } from "./people.mjs";

const LATIN = "qwertyuiop[]asdfghjkl;'zxcvbnm,.QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>";
const CYRILLIC = "йцукенгшщзхъфывапролджэячсмитьбюЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ";

/** What a scanner types where the keyboard is set to Russian. */
const inRussian = (code) => Array.from(code, (c) => CYRILLIC[LATIN.indexOf(c)] ?? c).join("");

/** The code with another signature. */
function forged(code) {
  const at = code.length - 20;
  return code.slice(0, at) + (code[at] === "A" ? "B" : "A") + code.slice(at + 1);
}

async function scan({ page }, code, status) {
  const shown = await page.locator("#door-latest [data-status]").count();
  await page.locator("#door-code").pressSequentially(code, { delay: 0 });
  await page.keyboard.press("Enter");
  await page.waitForFunction(([n]) =>
    document.querySelectorAll("#door-latest [data-status]").length > n, [shown]);
  const told = await page.getAttribute("#door-result", "data-status");
  if (told !== status) {
    throw new Error(`${told} instead of ${status}: ${await page.textContent("#door-result")}`);
  }
}

async function door(options) {
  const event = await ownEvent(`Door ${Date.now()}`);
  const { tickets: [first, second, third] } = await bought(event, 3);
  const visit = await visitor(options);
  const { page, context } = visit;
  await register(visit, somebody());
  const me = await page.evaluate(() => fetch("/api/v1/me").then((answer) => answer.json()));
  await api("PUT", `/admin/accounts/${me.id}/role`, { token: await administrator(),
    body: { role: "steward" } });

  await page.goto("/staff/door");
  await page.waitForSelector("select[name=event]");
  await accessible(page, "/staff/door before");
  if (await page.locator(".ways a").count() !== 1) throw new Error("a steward has one way only");
  await page.selectOption("select[name=event]", event);
  await page.fill("input[name=gate]", "North");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#door-used");
  await accessible(page, "/staff/door");
  await shot(visit, "door-ready");

  await scan(visit, first.code, "admitted");
  await accessible(page, "/staff/door: admitted");
  await shot(visit, "door-admitted");
  await scan(visit, first.code, "refused");
  await accessible(page, "/staff/door: refused");
  await shot(visit, "door-refused");
  await scan(visit, "SG1:nothing", "refused");
  await scan(visit, inRussian(second.code), "admitted");

  // A network that is gone, also over a reload: the device decides by key and list.
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.reload();
  await page.waitForSelector("#door-used");
  await context.setOffline(true);
  await page.reload();
  await page.waitForSelector("#door-code");
  await scan(visit, second.code, "refused");
  await scan(visit, forged(third.code), "refused");
  await scan(visit, third.code, "admitted");
  await scan(visit, third.code, "refused");
  await page.waitForSelector("#door-pending[data-waiting=\"1\"]");
  await accessible(page, "/staff/door without a network");
  await shot(visit, "door-offline");

  await context.setOffline(false);
  await page.waitForSelector("#door-pending[data-waiting=\"0\"]");

  // A second tab of the device waits until it is told to be the door; the first one then rests.
  const tab = await context.newPage();
  await tab.goto("/staff/door");
  await tab.waitForSelector("#app .primary");
  if (await tab.locator("#door-code").count() > 0) throw new Error("two tabs are the door");
  await accessible(tab, "/staff/door in a second tab");
  await shot({ ...visit, page: tab }, "door-second-tab");
  await tab.click("#app .primary");
  await tab.waitForSelector("#door-code");
  await page.waitForSelector("#app .primary");
  await tab.close();
  await page.click("#app .primary");
  await page.waitForSelector("#door-code");
  await scan(visit, third.code, "refused");
  const token = await administrator();
  await until("three came in", async () => {
    const counts = await api("GET", `/events/${event}/checkins`, { token });
    return counts.used === 3 && counts.conflicts === 0;
  });
  await leave(visit);
}

export async function doors() {
  for (const options of [{ size: "desktop" }, { size: "phone", lang: "ru", dark: true }]) {
    await test(`the door: ${options.size}`, () => door(options));
  }
}
