// Signing in: name and password, then a code where the account asks for one.

import { fill, nextPage } from "./account.js";
import { call } from "./api.js";
import { make } from "./dom.js";
import { codeField, field, form } from "./forms.js";
import { readMe } from "./me.js";
import { dropTickets, keepTokens, session, staffPage } from "./session.js";
import { tell } from "./words-account.js";

/** Opens a session; throws a Problem that says what to do in `told`. */
export async function signIn(body) {
  try {
    const tokens = await call("POST", "/auth/login", { body, again: true });
    // The session before may have ended by itself, and with another person.
    await dropTickets();
    keepTokens(tokens);
    await readMe();
    return tokens;
  } catch (problem) {
    if (problem.status === 401) problem.told = tell("signin_wrong");
    if (problem.code === "rate_limited") problem.told = tell("login_locked");
    throw problem;
  }
}

function page() {
  const identifier = field({ name: "identifier", label: tell("identifier"),
    hint: tell("identifier_hint"), set: { autocomplete: "username", autocapitalize: "none" } });
  const password = field({ name: "password", label: tell("password"), type: "password",
    set: { autocomplete: "current-password" } });
  const code = codeField({ label: tell("factor_code"), hint: tell("factor_hint"), optional: true });
  code.box.hidden = true;
  const onSubmit = async (values) => {
    const body = { identifier: values.identifier, password: values.password };
    if (values.code !== "") body.code = values.code;
    try {
      const { role } = await signIn(body);
      location.assign(nextPage(staffPage(role) ?? "/account"));
    } catch (problem) {
      if (!problem.body?.second_factor) throw problem;
      const again = !code.box.hidden;
      code.box.hidden = false;
      code.complain(again ? tell("factor_wrong") : null);
      code.input.focus();
    }
  };
  const next = location.search;
  const others = make("div", { className: "beside" });
  const why = new URLSearchParams(next).get("social");
  const notes = {
    unknown: "social_unknown", second_factor: "social_factor", failed: "social_failed",
  };
  const note = why in notes ? make("p", { role: "alert" }, tell(notes[why])) : "";
  fill(make("div", { className: "panel" }, note,
    form({ fields: [identifier, password, code], submit: tell("sign_in"), onSubmit }),
    make("p", { className: "beside" },
      make("a", { href: `/register${next}` }, tell("no_account")),
      make("a", { href: "/reset" }, tell("forgot"))),
    others));
  showOthers(others);
  identifier.input.focus({ preventScroll: true });
}

/** Ways to sign in at somebody else's, where there are any; a page without them is as good. */
async function showOthers(place) {
  try {
    const { items } = await call("GET", "/auth/social");
    const next = encodeURIComponent(nextPage(""));
    for (const { href, title } of items) {
      const way = `${tell("social_by")} ${title}`;
      place.append(make("a", { className: "button", href: `${href}?next=${next}` }, way));
    }
  } catch {
    // The password still works.
  }
}

if (document.getElementById("app-title") !== null && location.pathname === "/signin") {
  if (session() === null) page();
  else location.replace(nextPage("/account"));
}
