// A person's own data: what was agreed to, who looked, all of it to take along, and the way out.

import { cabinet, fill, section } from "./account.js";
import { call } from "./api.js";
import { make } from "./dom.js";
import { sureButton } from "./forms.js";
import { forgetKept } from "./keep.js";
import { forgetSession } from "./session.js";
import { momentText } from "./when.js";
import { tell } from "./words-account.js";

/** The seconds that a large export may take are the server's; the page only asks once. */
async function page() {
  const all = await call("GET", "/me/export");
  fill(section(tell("consents"), consents(all.consents)),
    section(tell("accesses"), make("p", { className: "muted" }, tell("accesses_lead")),
      accesses(all.accesses)),
    section(tell("export"), make("p", {}, tell("export_lead")), save()),
    section(tell("erase"), make("p", {}, tell("erase_lead")), erase()));
}

function consents(items) {
  const row = ({ kind, version, given_at: given, withdrawn_at: withdrawn }) => {
    const known = ["personal_data", "marketing"].includes(kind);
    const name = known ? make("a", { href: `/consent/${kind}` }, tell(`consent_${kind}`)) : kind;
    const until = withdrawn === null ? "" : ` · ${tell("withdrawn")} ${momentText(withdrawn)}`;
    return make("li", {}, name, make("span", { className: "muted" },
      `${tell("version")} ${version} · ${momentText(given)}${until}`));
  };
  return make("ul", { className: "rows-list" }, ...items.map(row));
}

function accesses(items) {
  if (items.length === 0) return make("p", {}, tell("nobody"));
  const row = ({ actor, purpose, at }) => make("li", {},
    make("span", {}, purpose),
    make("span", { className: "muted" }, `${momentText(at)} · ${actor}`));
  return make("ul", { className: "rows-list" }, ...items.slice(0, 20).map(row));
}

function save() {
  const button = make("button", { type: "button", className: "quiet" }, tell("export_save"));
  button.addEventListener("click", async () => {
    const all = await call("GET", "/me/export").catch(() => null);
    if (all === null) return;
    const file = new Blob([JSON.stringify(all, null, 2)], { type: "application/json" });
    const href = URL.createObjectURL(file);
    make("a", { href, download: "seatgrid-my-data.json" }).click();
    // The browser has taken the file's content over by the next task.
    setTimeout(() => URL.revokeObjectURL(href), 1000);
  });
  return button;
}

function erase() {
  return sureButton({ text: tell("erase"), sure: tell("erase_sure"), yes: tell("erase_yes"),
    no: tell("no"), act: async () => {
      await call("DELETE", "/me");
      forgetKept();
      await forgetSession();
      location.assign("/");
    } });
}

cabinet(page);
