// What the pages of people share: the place to fill, the person, the way to sign in and back.

import { call } from "./api.js";
import { byId, make, show } from "./dom.js";
import { describe } from "./problem.js";
import { forgetSession, keepSession, session, staffPage } from "./session.js";
import { showWho } from "./who.js";

/** Shows `parts` in the page in place of what was there. */
export function fill(...parts) {
  byId("app-wait").hidden = true;
  byId("app").replaceChildren(...parts.filter(Boolean));
}

/** A part of a page under a heading. */
export function section(title, ...children) {
  return make("section", { className: "panel" }, make("h2", {}, title),
    ...children.filter(Boolean));
}

/** A sentence that is read out. */
export function notice(text) {
  return make("p", { className: "notice", role: "status", tabIndex: -1 }, text);
}

/** Where to go after signing in: a place in this shop, never elsewhere. */
export function nextPage(fallback) {
  const next = new URLSearchParams(location.search).get("next");
  return next !== null && /^\/(?![/\\])/.test(next) ? next : fallback;
}

/** To the sign-in page and back here. */
export function toSignIn() {
  const here = location.pathname + location.search;
  location.replace(`/signin?next=${encodeURIComponent(here)}`);
}

/** Builds a page of the cabinet: `build(me)` gets the person; nobody whose
 * role it is not for sees it. */
export async function cabinet(build, may = () => true) {
  if (session() === null) {
    toSignIn();
    return;
  }
  showWho();
  try {
    const me = await call("GET", "/me");
    keepSession({ name: me.name, role: me.role });
    if (!may(me.role)) {
      location.replace(staffPage(me.role) ?? "/account");
      return;
    }
    await build(me);
  } catch (problem) {
    trouble(problem);
  }
}

/** A page that could not be filled says why and offers to try again. */
export function trouble(problem) {
  if (problem?.status === 401) {
    forgetSession().then(toSignIn);
    return;
  }
  if (problem?.status === undefined) console.error(problem);
  byId("app-wait").hidden = false;
  show(byId("app-wait"), describe(problem));
}
