// The corner of every page that says who is signed in. Pages are the same for everybody, so the
// name comes from what this browser keeps; the server decides about every call by itself.

import { call } from "./api.js";
import { make } from "./dom.js";
import { forgetKept } from "./keep.js";
import { readMe } from "./me.js";
import { speaker } from "./messages.js";
import { forgetSession, session, staffPage } from "./session.js";

const tell = speaker({
  en: { account: "My tickets", staff: "Staff", out: "Sign out", nav: "Account" },
  ru: { account: "Мои билеты", staff: "Управление", out: "Выйти", nav: "Личный кабинет" },
});

/** Shows who is signed in; asks the server once where the name is not known yet. */
export async function showWho() {
  const corner = document.getElementById("who");
  if (corner === null || session() === null) return;
  fill(corner, session());
  if (session().name !== undefined) return;
  try {
    await readMe();
    fill(corner, session());
  } catch (problem) {
    if (problem?.status !== 401) return;
    await forgetSession();
    location.reload();
  }
}

function fill(corner, { name, role }) {
  corner.setAttribute("aria-label", tell("nav"));
  const links = [make("a", { href: "/account" }, name || tell("account"))];
  const href = staffPage(role);
  if (href !== null) links.push(make("a", { href }, tell("staff")));
  const out = make("button", { type: "button", className: "plain" }, tell("out"));
  out.addEventListener("click", signOut);
  corner.replaceChildren(...links, out);
}

/** Ends the session: nothing of this person is left for who comes next. */
export async function signOut() {
  await call("POST", "/auth/logout", { body: {} }).catch(() => null);
  forgetKept();
  await forgetSession();
  location.assign("/");
}
