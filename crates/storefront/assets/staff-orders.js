// Staff: any order by its number, its payments and refunds, and giving money back.

import { fill, fillTold, section } from "./account.js";
import { call, segment } from "./api.js";
import { make } from "./dom.js";
import { field, form } from "./forms.js";
import { moneyText } from "./money.js";
import { describe } from "./problem.js";
import { asked, facts, order, staff, table } from "./staff.js";
import { timelineOf } from "./timeline.js";
import { seatName } from "./tray.js";
import { momentText } from "./when.js";
import { tell } from "./words-staff.js";

async function page(told = null) {
  const id = asked("id");
  const find = field({ name: "id", label: tell("order_number"), value: id ?? "",
    set: { autocomplete: "off" } });
  const search = section(tell("find_order"), form({ fields: [find], submit: tell("find"),
    onSubmit: (values) => location.assign(`?id=${encodeURIComponent(values.id)}`) }));
  if (id === null) {
    fill(search);
    return;
  }
  try {
    const found = await call("GET", `/admin/orders/${segment(id)}`);
    fillTold(told, search, ...document_(found));
  } catch (problem) {
    if (problem?.status === undefined) throw problem;
    fill(search, make("p", { className: "error", role: "alert" }, describe(problem)));
  }
}

function document_(found) {
  const parts = [section(tell("order"), facts([[tell("order_number"), found.id],
    [tell("col_state"), found.status], [tell("event"), found.event_id],
    [tell("total"), moneyText(found.total)], [tell("made"), momentText(found.created_at)]]),
  table(tell("payments"), ["payment", "state", "amount", "when"].map((w) => tell(`col_${w}`)),
    [...found.payments, ...found.refunds].map((one) => [one.id,
      [one.status, one.settled_as, one.cancel_reason].filter(Boolean).join(" · "),
      moneyText(one.amount), momentText(one.created_at)])),
  make("ol", { className: "timeline" }, ...timelineOf(found).map(({ at, text }) =>
    make("li", {}, text, make("span", { className: "muted small" }, momentText(at)))))) ];
  const stuck = found.refunds.filter(({ status }) => status === "dead" || status === "failed");
  if (stuck.length > 0) parts.push(section(tell("refund_retry"), ...stuck.map(retry)));
  if (found.seats.length > 0 && found.paid_at) parts.push(section(tell("refund"), refund(found)));
  return parts;
}

function retry(one) {
  return form({ fields: [], submit: `${tell("refund_retry")}: ${moneyText(one.amount)}`,
    onSubmit: async () => {
      await order(`/admin/refunds/${segment(one.id)}/retry`);
      await page(tell("done"));
    } });
}

function refund(found) {
  const seats = found.seats.map((seat) => field({ name: seat.id, type: "checkbox",
    optional: true, label: `${seatName(null, seat)} · ${moneyText(seat.price)}` }));
  const share = field({ name: "share", label: tell("share"), type: "number", value: 100,
    set: { min: 0, max: 100, step: "0.01" } });
  const fee = field({ name: "fee", label: tell("with_fee"), type: "checkbox", value: true,
    optional: true });
  const block = field({ name: "block", label: tell("keep_back"), type: "checkbox",
    optional: true });
  const onSubmit = async (values) => {
    const chosen = found.seats.map(({ id }) => id).filter((id) => values[id] === true);
    if (chosen.length === 0) {
      seats[0].complain(tell("choose_seats"));
      seats[0].input.focus();
      return;
    }
    await order(`/admin/orders/${segment(found.id)}/refunds`, { seats: chosen,
      share_basis_points: Math.round(Number(values.share) * 100), with_fee: values.fee,
      block: values.block });
    await page(tell("refund_begun"));
  };
  return form({ fields: [...seats, share, fee, block], submit: tell("refund_do"), onSubmit,
    quiet: true });
}

staff(() => page());
