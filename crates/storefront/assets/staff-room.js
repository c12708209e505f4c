// Staff: what is done around a published sale: its waiting room, a move, how far cancelling is.

import { call, newKey, segment } from "./api.js";
import { make } from "./dom.js";
import { field, form } from "./forms.js";
import { describe } from "./problem.js";
import { facts, fromInput, localInput, order } from "./staff.js";
import { tell } from "./words-staff-work.js";

const PATH = "/admin/events";
/** How often a campaign under way is looked at, in milliseconds. */
const LOOK_MS = 2000;

/** The waiting room, asked about once somebody wants to know: most events have none. `done` shows
 * the page anew. */
export function room(event, done) {
  const box = make("details", { id: "room" }, make("summary", {}, tell("room_look")));
  const look = async () => {
    try {
      box.append(await standing(event, done));
    } catch (problem) {
      box.append(make("p", { className: "error", role: "alert" }, describe(problem)));
    }
  };
  box.addEventListener("toggle", look, { once: true });
  return box;
}

/** The room as it stands, or the form that opens it. */
async function standing(event, done) {
  const id = segment(event.id);
  const draw = await call("GET", `/events/${id}/draw?limit=1`).catch((problem) => {
    if (problem?.status === 404) return null;
    throw problem;
  });
  if (draw !== null) {
    return make("div", { className: "stack" }, facts([
      [tell("room_status"), tell(`room_status_${draw.status}`)],
      [tell("room_waiting"), draw.waiting.toLocaleString()],
      [tell("room_present"), draw.places.toLocaleString()],
      [tell("room_rate"), draw.admit_per_s.toLocaleString()],
      [tell("room_commitment"), draw.commitment]]),
    make("a", { href: `/api/v1/events/${id}/draw` }, tell("room_link")));
  }
  const number = (name, value, min, max) => field({ name, label: tell(`room_${name}`),
    type: "number", value, set: { min, max, inputMode: "numeric" } });
  return form({ fields: [number("rate", 50, 1, 10_000), number("turn", 600, 10, 86_400),
    number("claim", 120, 5, 3600), field({ name: "sure", label: tell("room_sure"),
      type: "checkbox", hint: tell("room_hint") })],
  submit: tell("room_open"), onSubmit: async ({ rate, turn, claim }) => {
    await order(`${PATH}/${id}/queue`, { admit_per_s: Number(rate), turn_ttl_s: Number(turn),
      claim_ttl_s: Number(claim) });
    await done();
  } });
}

/** Moves a published event to another time or venue. */
export function moving(event, venues, done) {
  const places = venues.map(({ id, name }) => [id, name]);
  return form({ fields: [
    field({ name: "starts", label: tell("move_starts"), type: "datetime-local",
      value: localInput(event.starts_at) }),
    field({ name: "venue", label: tell("move_venue"), type: "select", options: places,
      value: event.venue_id, hint: tell("move_hint") })],
  submit: tell("move_do"), onSubmit: async ({ starts, venue }) => {
    // What stays is left out, so that a time in other words is no other time.
    const body = {};
    if (starts !== localInput(event.starts_at)) body.starts_at = fromInput(starts);
    if (venue !== event.venue_id) body.venue_id = venue;
    await call("POST", `${PATH}/${segment(event.id)}/move`, { body, key: newKey() });
    await done();
  } });
}

/** How far a cancelled event is undone, looked at again until it is. */
export function campaign(event) {
  const box = make("div", { className: "stack", id: "campaign", role: "status" });
  const show = ({ cancel, refunds }) => {
    const isOver = cancel.done && refunds.pending === 0;
    const label = tell("campaign_orders");
    box.replaceChildren(make("progress", { max: Math.max(cancel.orders, 1),
      value: cancel.orders === 0 ? 1 : cancel.orders_done, "aria-label": label }),
    facts([[label, `${cancel.orders_done} / ${cancel.orders}`],
      [tell("campaign_refunds"), refunds.pending.toLocaleString()],
      [tell("campaign_dead"), refunds.dead.toLocaleString()]]));
    if (isOver) box.append(make("p", { className: "badge badge-valid" }, tell("campaign_over")));
    return isOver;
  };
  const look = async () => {
    if (!box.isConnected) return;
    const sale = await call("GET", `${PATH}/${segment(event.id)}/cancel`).catch(() => null);
    if (sale === null || !show(sale)) setTimeout(look, LOOK_MS);
  };
  if (!show(event.grid)) setTimeout(look, LOOK_MS);
  return box;
}
