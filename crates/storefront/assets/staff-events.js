// Staff: events. A list, one form to write and edit them, and the switches of a sale, each asked
// about before it is thrown.

import { fillTold, section } from "./account.js";
import { call, segment } from "./api.js";
import { byId, make } from "./dom.js";
import { form, sureButton } from "./forms.js";
import { describe } from "./problem.js";
import { bodyOf, eventFields } from "./staff-eventform.js";
import {
  all, asked, backLink, change, facts, order, removeButton, staff,
} from "./staff.js";
import { campaign, moving, room } from "./staff-room.js";
import { seatsForm } from "./staff-seats.js";
import { momentText } from "./when.js";
import { tell as tellWork } from "./words-staff-work.js";
import { tell } from "./words-staff.js";

const PATH = "/admin/events";

async function page(told = null) {
  const id = asked("id");
  const [venues, plans, artists] = await Promise.all(
    ["/admin/venues", "/admin/plans", "/admin/artists"].map(all));
  const shelves = { venues, plans, artists };
  if (id === null) await list(told, shelves);
  else await one(id, told, shelves);
}

async function list(told, shelves) {
  const events = await all(PATH);
  const rows = events.map((event) => make("li", {},
    make("a", { href: `?id=${segment(event.id)}` }, event.name),
    make("span", { className: "muted" }, momentText(event.starts_at)),
    make("span", { className: `badge badge-${event.status === "draft" ? "used" : "valid"}` },
      tell(`status_${event.status}`))));
  const onSubmit = async (values) => {
    const made = await order(PATH, bodyOf(values));
    location.assign(`?id=${segment(made.id)}`);
  };
  fillTold(told, make("ul", { className: "rows-list listing" }, ...rows),
    section(tell("new_event"), form({ fields: eventFields({}, shelves), submit: tell("create"),
      onSubmit })));
}

async function one(id, told, shelves) {
  const event = await call("GET", `${PATH}/${segment(id)}`);
  const { grid } = event;
  const parts = [backLink(), section(event.name, state(event), switches(event))];
  parts.push(section(tell("edit"), form({ fields: eventFields(event, shelves),
    submit: tell("save"), onSubmit: (values) => save(event, values) })));
  if (grid?.cancel) parts.splice(2, 0, section(tellWork("campaign"), campaign(event)));
  else if (grid) parts.push(...around(event, shelves.venues));
  fillTold(told, ...parts);
}

/** What is done beside the terms of a sale under way. */
function around(event, venues) {
  const done = () => page(tell("done"));
  const parts = [section(tell("seats"), seatsForm(event.id, () => page()))];
  if (event.grid.state !== "closed") {
    parts.push(section(tellWork("room"), room(event, done)));
    parts.push(section(tellWork("move"), moving(event, venues, done)));
  }
  return parts;
}

async function save(event, values) {
  const body = bodyOf(values, event);
  // A published event keeps its plan; naming it again would copy it anew.
  if (event.status === "published") delete body.plan_id;
  await change(PATH, event, body);
  await page(tell("saved"));
}

function state({ status, grid, starts_at: starts }) {
  if (!grid) return facts([[tell("col_state"), tell(`status_${status}`)]]);
  const { seats } = grid;
  return facts([[tell("col_state"), tell(`state_${grid.state}`)],
    [tell("starts"), momentText(starts)],
    [tell("opens"), momentText(grid.opens_at)], [tell("closes"), momentText(grid.closes_at)],
    [tell("col_free"), seats.free.toLocaleString()],
    [tell("col_held"), seats.held.toLocaleString()],
    [tell("col_sold"), seats.sold.toLocaleString()],
    [tell("col_blocked"), seats.blocked.toLocaleString()],
    [tell("col_waiting"), String(grid.waiting)],
    [tell("cancelling"), grid.cancel && `${grid.cancel.orders_done} / ${grid.cancel.orders}`]]);
}

/** What can be done with the event as it stands. */
function switches(event) {
  const path = `${PATH}/${segment(event.id)}`;
  const flip = (name) => sureButton({ text: tell(name),
    sure: tell(`${name}_sure`, { name: event.name }), yes: tell(name), no: tell("no"),
    act: async () => {
      await order(`${path}/${name}`);
      await page(tell("done"));
    } });
  const remove = () => removeButton(PATH, event);
  const sale = event.grid?.state;
  const own = make("a", { className: "button quiet", href: `/events/${segment(event.id)}` },
    tell("look"));
  const shown = {
    draft: [() => flip("publish"), remove],
    on_sale: [() => flip("pause"), () => flip("close"), () => flip("cancel")],
    paused: [() => flip("resume"), () => flip("close"), () => flip("cancel")],
    not_open: [() => flip("pause"), () => flip("cancel")],
    closed: [() => flip("cancel")],
  }[event.status === "draft" ? "draft" : sale] ?? [];
  return make("div", { className: "switches" }, ...(event.status === "draft" ? [] : [own]),
    ...shown.map((show) => show()));
}

staff(() => page().catch((problem) => {
  if (problem?.status === undefined) console.error(problem);
  byId("app").prepend(make("p", { className: "error", role: "alert" }, describe(problem)));
}));
