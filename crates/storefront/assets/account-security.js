// What guards an account: its password, a second factor, and where it is signed in.

import { cabinet, fillTold, section } from "./account.js";
import { call, segment } from "./api.js";
import { make } from "./dom.js";
import { codeField, field, form, sureButton } from "./forms.js";
import { momentText } from "./when.js";
import { tell } from "./words-account.js";

async function page(me, told = null) {
  const { items } = await call("GET", "/me/sessions");
  fillTold(told, section(tell("sessions"), ...sessions(me, items)),
    section(tell("password"), passwordForm(me)),
    section(tell("second_factor"), factor(me)));
}

function sessions(me, items) {
  const row = (session) => {
    const end = make("button", { type: "button", className: "quiet" }, tell("end_session"));
    end.setAttribute("aria-label", `${tell("end_session")}: ${browser(session)}`);
    end.addEventListener("click", async () => {
      await call("DELETE", `/me/sessions/${segment(session.id)}`).catch(() => null);
      page(me, tell("session_ended"));
    });
    const state = make("span", { className: "badge badge-valid" }, tell("this_session"));
    return make("li", { className: "session-row" },
      make("strong", {}, browser(session)),
      make("span", { className: "muted" },
        [session.ip, momentText(session.used_at)].filter(Boolean).join(" · ")),
      session.current ? state : end);
  };
  const list = make("ul", { className: "rows-list" }, ...items.map(row));
  if (items.length < 2) return [list];
  const others = sureButton({ text: tell("end_others"), sure: tell("end_others_sure"),
    yes: tell("end_others"), no: tell("no"),
    act: async () => {
      await call("DELETE", "/me/sessions");
      page(me, tell("session_ended"));
    } });
  return [list, others];
}

/** A browser by the words that people know. */
function browser({ user_agent: agent }) {
  const text = agent ?? "";
  const name = [["Edg/", "Edge"], ["YaBrowser", "Yandex"], ["OPR/", "Opera"],
    ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Safari", "Safari"]]
    .find(([mark]) => text.includes(mark))?.[1];
  const system = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"],
    ["Windows", "Windows"], ["Mac OS", "macOS"], ["Linux", "Linux"]]
    .find(([mark]) => text.includes(mark))?.[1];
  return [name, system].filter(Boolean).join(", ") || text || tell("unknown_browser");
}

function passwordForm(me) {
  const current = field({ name: "current", label: tell("current_password"), type: "password",
    wrong: tell("current_wrong"), set: { autocomplete: "current-password" } });
  const password = field({ name: "password", label: tell("new_password"), type: "password",
    hint: tell("password_hint"), wrong: tell("password_wrong"),
    set: { autocomplete: "new-password" } });
  const onSubmit = async (values) => {
    await call("POST", "/me/password", { body: values });
    page(me, tell("password_changed"));
  };
  return form({ fields: [current, password], submit: tell("set_password"), onSubmit, quiet: true });
}

const factorField = () => codeField({ label: tell("factor_code"), wrong: tell("factor_wrong") });

function factor(me) {
  const place = make("div", { className: "stack" });
  if (me.second_factor) {
    const onSubmit = async (values) => {
      await call("POST", "/me/second-factor/end", { body: values });
      page({ ...me, second_factor: false }, tell("factor_off"));
    };
    place.append(make("p", {}, tell("factor_is_on")),
      form({ fields: [factorField()], submit: tell("factor_end"), onSubmit, quiet: true }));
    return place;
  }
  const begin = make("button", { type: "button", className: "quiet" }, tell("factor_begin"));
  begin.addEventListener("click", async () => {
    const secret = await call("POST", "/me/second-factor").catch(() => null);
    if (secret !== null) enrol(me, place, secret);
  });
  place.append(make("p", {}, tell("factor_lead")), begin);
  return place;
}

function enrol(me, place, { secret, otpauth_url: url }) {
  const onSubmit = async (values) => {
    await call("POST", "/me/second-factor/confirm", { body: values });
    page({ ...me, second_factor: true }, tell("factor_on"));
  };
  const spaced = secret.replace(/(.{4})/g, "$1 ").trim();
  const code = factorField();
  place.replaceChildren(make("p", {}, tell("factor_secret")),
    make("p", { className: "secret" }, make("code", {}, spaced)),
    make("p", {}, make("a", { href: url }, tell("factor_link"))),
    form({ fields: [code], submit: tell("confirm"), onSubmit }));
  code.input.focus();
}

cabinet((me) => page(me));
