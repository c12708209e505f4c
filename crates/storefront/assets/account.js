// What the pages of people share: the place to fill, the person, the way to sign in and back.

import { byId, make, show } from "./dom.js";
import { readMe } from "./me.js";
import { describe } from "./problem.js";
import { forgetSession, session, staffPage } from "./session.js";
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

/** The same below a sentence about what was just done, where there is one: it takes the focus. */
export function fillTold(told, ...parts) {
  const said = told === null ? null : notice(told);
  fill(said, ...parts);
  said?.focus();
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
  // On a phone the row of neighbours is longer than the screen.
  document.querySelector(".ways [aria-current]")
    ?.scrollIntoView({ block: "nearest", inline: "center" });
  try {
    const me = await readMe();
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
