// How a person is told things: ways for each kind of notice, a chat in Telegram, browsers.

import { cabinet, fillTold, section } from "./account.js";
import { call, newKey, Problem, segment } from "./api.js";
import { byId, make, show } from "./dom.js";
import { field, form, sureButton } from "./forms.js";
import { keepTicketsOffline } from "./offline.js";
import { describe } from "./problem.js";
import { momentText } from "./when.js";
import { tell } from "./words-notify.js";

const CHANNELS = ["email", "push", "telegram"];
const PATH = "/me/notifications";
/** How often the page looks whether the bot has heard, in milliseconds, while a code works. */
const HEARD_EVERY_MS = 3000;

async function page(told = null) {
  const all = await call("GET", PATH);
  fillTold(told, section(tell("ways"), make("p", { className: "muted" }, tell("ways_lead")),
    ways(all)), all.telegram.bot ? telegram(all.telegram) : null,
  all.push.key ? push(all.push) : null);
}

const named = (kind) => (tell.knows(`kind_${kind}`) ? tell(`kind_${kind}`) : kind);

/** Stands beside kinds that keep one way at least. */
const mark = () => ["\u00a0*",
  make("span", { className: "visually-hidden" }, `, ${tell("required")}`)];

/** The table of kinds and ways, and the language. */
function ways({ kinds, language, telegram: { bot }, push: { key } }) {
  const offered = CHANNELS.filter((name) =>
    name === "email" || (name === "telegram" ? bot : key));
  const boxes = kinds.map(({ kind, channels }) => offered.map((channel) => make("input",
    { type: "checkbox", checked: channels.includes(channel),
      "aria-label": `${named(kind)}: ${tell(channel)}` })));
  const head = make("tr", {}, ...[tell("kind"), ...offered.map((name) => tell(name))].map((text) =>
    make("th", { scope: "col" }, text)));
  const rows = kinds.map(({ kind, required }, at) => make("tr", {},
    make("th", { scope: "row" }, named(kind),
      ...(required ? mark() : [])),
    ...boxes[at].map((box) => make("td", {}, make("label", { className: "tick" }, box)))));
  const table = make("table", { className: "data ways-table" },
    make("caption", { className: "visually-hidden" }, tell("ways")),
    make("thead", {}, head), make("tbody", {}, ...rows));
  const spoken = field({ name: "language", label: tell("language"), type: "select",
    options: [["", tell("both")], ["ru", tell("ru")], ["en", tell("en")]], optional: true,
    value: language ?? "" });
  const chosen = (at) => offered.filter((_, way) => boxes[at][way].checked)
    // Ways that this shop does not offer now stay as they were.
    .concat(kinds[at].channels.filter((name) => !offered.includes(name)));
  const made = form({ fields: [spoken], submit: tell("save"), onSubmit: async (values) => {
    const bare = kinds.find(({ required }, at) => required && chosen(at).length === 0);
    if (bare) {
      throw Object.assign(new Problem(400, {}), { told: tell("keep_one",
        { kind: named(bare.kind) }) });
    }
    const changed = kinds.map((one, at) => ({ ...one, now: chosen(at) }))
      .filter(({ chosen: was, channels, now }) => was || now.join() !== channels.join());
    await call("PUT", PATH, { body: { language: values.language || null,
      kinds: changed.map(({ kind, now }) => ({ kind, channels: now })) } });
    await page(tell("saved"));
  } });
  made.prepend(make("div", { className: "scroll", tabIndex: 0, role: "region",
    "aria-label": tell("ways") }, table));
  made.querySelector(".scroll").after(
    make("p", { className: "muted small", "aria-hidden": "true" }, `* ${tell("required")}`));
  made.classList.add("wide-form");
  return made;
}

function telegram({ linked_at: linked }) {
  const box = make("div", { className: "stack", id: "telegram" });
  if (linked) {
    box.append(make("p", {}, tell("telegram_since", { time: momentText(linked) })),
      sureButton({ text: tell("telegram_end"), sure: tell("telegram_sure"), yes: tell("yes"),
        no: tell("no"), act: async () => {
          await call("DELETE", "/me/telegram");
          await page(tell("telegram_ended"));
        } }));
  } else {
    box.append(make("p", {}, tell("telegram_lead")), form({ fields: [], quiet: true,
      submit: tell("telegram_bind"), onSubmit: async () => {
        const { code, link, expires_in: left } = await call("POST", "/me/telegram",
          { key: newKey() });
        box.replaceChildren(
          make("p", {}, make("a", { href: link, target: "_blank", rel: "noopener" },
            tell("telegram_open"))),
          make("p", {}, tell("telegram_code")),
          make("p", { className: "secret" }, make("code", {}, `/start ${code}`)),
          make("p", { className: "muted", role: "status" }, tell("telegram_wait")));
        listen(box, performance.now() + left * 1000);
      } }));
  }
  return section(tell("telegram_title"), box);
}

/** Looks until the bot has heard the code, or the code works no more. */
function listen(box, untilMs) {
  setTimeout(async () => {
    if (!box.isConnected || performance.now() > untilMs) return;
    const now = await call("GET", PATH).catch(() => null);
    if (now?.telegram.linked_at) await page(tell("telegram_bound"));
    else listen(box, untilMs);
  }, HEARD_EVERY_MS);
}

function push({ key, subscriptions }) {
  const list = subscriptions.map(({ id, made_at: at }) => make("li", {},
    make("span", {}, tell("push_browser", { time: momentText(at) })),
    sureButton({ text: tell("push_remove"), sure: tell("push_sure"), yes: tell("yes"),
      no: tell("no"), act: async () => {
        await call("DELETE", `/me/push-subscriptions/${segment(id)}`);
        await page(tell("push_removed"));
      } })));
  return section(tell("push_title"), make("p", {}, tell("push_lead")),
    make("ul", { className: "rows-list" }, ...list), subscribing(key));
}

function subscribing(key) {
  if (!("PushManager" in globalThis) || !("Notification" in globalThis)) {
    return make("p", { className: "muted" }, tell("push_unable"));
  }
  const error = make("p", { className: "error", role: "alert", hidden: true, id: "push-error" });
  const button = make("button", { type: "button", className: "quiet", id: "push-on" },
    tell("push_on"));
  button.addEventListener("click", async () => {
    show(error, null);
    if (await Notification.requestPermission() !== "granted") {
      show(error, tell("push_denied"));
      return;
    }
    try {
      const worker = await navigator.serviceWorker.ready;
      const subscription = await worker.pushManager.subscribe(
        { userVisibleOnly: true, applicationServerKey: key });
      await call("POST", "/me/push-subscriptions", { body: subscription.toJSON(), again: true });
      await page(tell("push_added"));
    } catch (problem) {
      show(error, problem?.status === undefined ? tell("push_failed") : describe(problem));
    }
  });
  return make("div", { className: "stack" }, error, button);
}

cabinet(async () => {
  keepTicketsOffline();
  await page();
  byId("app").dataset.ready = "";
});
