// Staff: the ledger by time, person, address and status; and the check that no seat has two owners.

import { fill, section } from "./account.js";
import { call, segment } from "./api.js";
import { byId, make } from "./dom.js";
import { field, form } from "./forms.js";
import { moreButton } from "./more.js";
import { asked, fromInput, localInput, staff, table } from "./staff.js";
import { momentText } from "./when.js";
import { tell } from "./words-staff.js";

const TEXTS = ["user", "ip", "status", "kind", "event", "order"];
const DAY_MS = 24 * 3600 * 1000;

async function page() {
  const from = asked("from") ?? new Date(Date.now() - DAY_MS).toISOString();
  const moment = (name, value) => field({ name, label: tell(name), type: "datetime-local",
    optional: true, value: localInput(value) });
  const text = (name) => field({ name, label: tell(`audit_${name}`), optional: true,
    value: asked(name) ?? "" });
  const search = form({ fields: [moment("from", from), moment("to", asked("to")),
    ...TEXTS.map(text)], submit: tell("find"), onSubmit: (values) => {
    const times = { from: fromInput(values.from), to: fromInput(values.to) };
    const given = Object.entries({ ...values, ...times }).filter(([, value]) => value);
    location.assign(`?${new URLSearchParams(given)}`);
  } });
  search.classList.add("columns");
  const records = make("div", { id: "records", className: "stack" });
  fill(section(tell("audit_search"), search), section(tell("audit_proof"), proof()),
    section(tell("audit_records"), records));
  await more(from, null);
}

async function more(from, cursor) {
  const given = ["to", ...TEXTS].map((name) => [name, asked(name)]).filter(([, value]) => value);
  const query = new URLSearchParams([["from", from], ["limit", "100"], ...given,
    ...(cursor ? [["cursor", cursor]] : [])]);
  const { items, next_cursor: next, complete_up_to: complete } =
    await call("GET", `/admin/audit?${query}`);
  const records = byId("records");
  const subject = (one) => [one.event_id, one.order_id ?? one.hold_id, one.seat_id]
    .filter(Boolean).join(" · ");
  const order = (one) => (one.order_id
    ? make("a", { href: `/staff/orders?id=${segment(one.order_id)}` }, subject(one))
    : subject(one));
  const rows = items.map((one) => [momentText(one.at), one.kind, one.status, one.user,
    one.ip ?? "", order(one), one.record]);
  if (rows.length > 0) {
    records.append(table(tell("audit_records"), ["when", "kind", "state", "user", "ip", "about",
      "record"].map((word) => tell(`col_${word}`)), rows));
  } else if (records.childElementCount === 0) {
    records.append(make("p", {}, tell("audit_none")));
  }
  if (complete && cursor === null) {
    records.prepend(make("p", { className: "muted" },
      `${tell("audit_complete")} ${momentText(complete)}`));
  }
  moreButton(records, next, () => more(from, next));
}

/** Asks the tables about every sale; the whole proof is a command of its own. */
function proof() {
  const place = make("div", { className: "stack", role: "status" });
  const check = form({ fields: [], submit: tell("audit_check"), quiet: true,
    onSubmit: async () => {
      const told = await call("GET", "/admin/reconciliation");
      const double = told.double_sold;
      const rows = told.events.map((one) => [one.name, one.free, one.held, one.sold, one.blocked,
        one.orders_paid]);
      place.replaceChildren(
        make("p", { className: `badge badge-${double.length > 0 ? "cancelled" : "valid"}` },
          double.length > 0 ? tell("double_sold", { n: double.length }) : tell("double_none")),
        table(tell("audit_check"), ["event", "free", "held", "sold", "blocked", "orders"]
          .map((word) => tell(`col_${word}`)), rows));
    } });
  return make("div", { className: "stack" }, make("p", {}, tell("audit_verify"), " ",
    make("code", {}, "seatgrid verify")), check, place);
}

staff(() => page());
