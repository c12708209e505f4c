// Staff: plans of venues. A file is read, shown and counted before it is sent.

import { fillTold, section } from "./account.js";
import { call, newKey, segment } from "./api.js";
import { countOf, readPlan } from "./csv.js";
import { byId, make } from "./dom.js";
import { field, form } from "./forms.js";
import { all, asked, backLink, removeButton, staff, table } from "./staff.js";
import { tell } from "./words-staff.js";

/** Colours of tiers on the drawing, by the style sheet's names. */
const TIERS = 8;

async function page(told = null) {
  const id = asked("id");
  const venues = await all("/admin/venues");
  if (id === null) {
    const plans = await all("/admin/plans");
    const venueOf = (plan) => venues.find((venue) => venue.id === plan.venue_id)?.name ?? "";
    const rows = plans.map((plan) => make("li", {},
      make("a", { href: `?id=${segment(plan.id)}` }, plan.name),
      make("span", { className: "muted" }, venueOf(plan))));
    fillTold(told, make("ul", { className: "rows-list listing" }, ...rows),
      section(tell("plan_import"), ...importer(venues)));
  } else {
    const plan = await call("GET", `/admin/plans/${segment(id)}`);
    const { sections } = readPlan(JSON.stringify({ sections: plan.sections }));
    fillTold(told, backLink(),
      section(plan.name, ...preview({ sections, faults: [] }), removeButton("/admin/plans", plan)));
    draw(sections);
  }
}

function importer(venues) {
  const venue = field({ name: "venue_id", label: tell("venue"), type: "select",
    options: venues.map(({ id, name }) => [id, name]) });
  const name = field({ name: "name", label: tell("name") });
  const text = field({ name: "sections", label: tell("plan_text"), type: "textarea",
    hint: tell("plan_hint"), set: { spellcheck: false } });
  const file = field({ name: "file", label: tell("plan_file"), type: "file", optional: true,
    set: { accept: ".csv,.json,text/csv,application/json" } });
  const place = make("div", { id: "preview", className: "stack" });
  const look = () => {
    const plan = readPlan(text.value);
    place.replaceChildren(...preview(plan));
    draw(plan.sections);
  };
  file.input.addEventListener("change", async () => {
    const [chosen] = file.input.files;
    if (chosen === undefined) return;
    text.input.value = await chosen.text();
    if (name.value === "") name.input.value = chosen.name.replace(/\.\w+$/, "");
    look();
  });
  text.input.addEventListener("input", look);
  const onSubmit = async (values) => {
    await send(values);
    await page(tell("saved"));
  };
  return [form({ fields: [venue, name, file, text], submit: tell("create"), onSubmit }), place];
}

function send({ venue_id: venue, name, sections: text }) {
  const plan = readPlan(text);
  const options = { key: newKey() };
  if (plan.format === "csv") {
    const query = new URLSearchParams({ venue_id: venue, name });
    return call("POST", `/admin/plans?${query}`,
      { ...options, text: { type: "text/csv", content: text } });
  }
  const { sections, focal } = plan.document ?? {};
  return call("POST", "/admin/plans",
    { ...options, body: { venue_id: venue, name, sections: sections ?? [], focal } });
}

/** What a plan has, or what is wrong with its file. */
function preview({ sections, faults }) {
  if (faults.length > 0) {
    const lines = faults.slice(0, 10).map(({ line, reason }) =>
      make("li", {}, `${tell("line")} ${line}: ${reason}`));
    return [make("p", { className: "error", role: "alert" }, tell("plan_faults")),
      make("ul", {}, ...lines)];
  }
  const rows = sections.map(({ id, area, capacity, seats }) => [id,
    area ? tell("area") : new Set(seats.map(({ row }) => row)).size,
    area ? capacity : seats.length]);
  return [make("p", {}, tell("plan_count", { n: countOf(sections) })),
    make("canvas", { id: "drawing", className: "drawing", width: 960, height: 540, role: "img",
      "aria-label": tell("plan_drawing") }),
    table(tell("sections"), [tell("section"), tell("rows"), tell("places")], rows)];
}

function draw(sections) {
  const canvas = document.getElementById("drawing");
  const seats = sections.flatMap((one) => one.seats)
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  if (canvas === null || seats.length === 0) return;
  const [xs, ys] = [seats.map(({ x }) => x), seats.map(({ y }) => y)];
  const span = (all) => all.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)],
    [Infinity, -Infinity]);
  const [[left, right], [top, bottom]] = [span(xs), span(ys)];
  const pen = canvas.getContext("2d");
  const scale = Math.min((canvas.width - 40) / (right - left || 1),
    (canvas.height - 40) / (bottom - top || 1));
  const size = Math.max(1.5, Math.min(scale * 0.7, 14));
  const look = getComputedStyle(byId("app"));
  const tiers = [...new Set(seats.map(({ tier }) => tier))];
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (const { x, y, tier } of seats) {
    pen.fillStyle = look.getPropertyValue(`--tier-${tiers.indexOf(tier) % TIERS}`);
    pen.fillRect(20 + (x - left) * scale - size / 2, 20 + (y - top) * scale - size / 2, size, size);
  }
}

staff(() => page());
