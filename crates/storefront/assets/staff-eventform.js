// The fields of an event, and the API's document made of what was typed.

import { field } from "./forms.js";
import { fromInput, localInput } from "./staff.js";
import { tell } from "./words-staff.js";

/** `id; name; 1500.00` a line. */
const tiersText = (tiers) =>
  tiers.map(({ id, name, price }) => `${id}; ${name}; ${price.value}`).join("\n");

function tiersOf(text, currency) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const [id = "", name = "", value = ""] = line.split(";").map((part) => part.trim());
    return { id, name: name || id, price: { value, currency } };
  });
}

/** What else an event can have (fees, waiting list, more time) as the API writes it. */
const rulesText = (rules) => (rules ? JSON.stringify(rules, null, 1) : "");

export function eventFields(event, { venues, plans, artists }) {
  const named = (list) => list.map(({ id, name }) => [id, name]);
  const bill = artists.filter(({ id }) => event.artist_ids?.includes(id));
  return [
    field({ name: "name", label: tell("name"), value: event.name, set: { maxLength: 200 } }),
    field({ name: "description", label: tell("description"), type: "textarea", optional: true,
      value: event.description }),
    field({ name: "artist_ids", label: tell("bill"), hint: tell("bill_hint"), optional: true,
      value: bill.map(({ name }) => name).join(", "),
      set: { autocomplete: "off" } }),
    field({ name: "venue_id", label: tell("venue"), type: "select", options: named(venues),
      value: event.venue_id ?? venues[0]?.id }),
    field({ name: "plan_id", label: tell("plan"), type: "select",
      optional: event.id !== undefined,
      options: [...(event.id === undefined ? [] : [["", tell("plan_keep")]]), ...named(plans)],
      value: event.id === undefined ? plans[0]?.id : "" }),
    field({ name: "starts_at", label: tell("starts"), type: "datetime-local",
      hint: tell("own_zone"), value: localInput(event.starts_at) }),
    field({ name: "tiers", label: tell("tiers"), type: "textarea", hint: tell("tiers_hint"),
      value: tiersText(event.tiers ?? []), wrong: tell("tiers_hint") }),
    field({ name: "opens_at", label: tell("opens"), type: "datetime-local",
      value: localInput(event.sale?.opens_at) }),
    field({ name: "closes_at", label: tell("closes"), type: "datetime-local", optional: true,
      value: localInput(event.sale?.closes_at) }),
    field({ name: "short_notice_reason", label: tell("short_notice"), optional: true,
      hint: tell("short_notice_hint"), value: event.sale?.short_notice_reason }),
    field({ name: "per_person", label: tell("per_person"), type: "number",
      value: event.limits?.per_person ?? 6, set: { min: 1, max: 100 } }),
    field({ name: "per_hold", label: tell("per_hold"), type: "number",
      value: event.limits?.per_hold ?? 6, set: { min: 1, max: 100 } }),
    field({ name: "hold_ttl_s", label: tell("hold_ttl"), type: "number",
      value: event.hold_ttl_s ?? 300, set: { min: 5, max: 1800 } }),
    field({ name: "rules", label: tell("rules"), type: "textarea", hint: tell("rules_hint"),
      value: rulesText(event.rules), optional: true, wrong: tell("rules_wrong") }),
  ].map((one) => (one.name === "artist_ids" ? withIds(one, artists) : one));
}

/** The bill is typed by names and sent by ids; one that nobody has is refused. */
function withIds(one, artists) {
  const idOf = (name) => artists.find((artist) =>
    artist.name.toLowerCase() === name.toLowerCase())?.id ?? name;
  const names = () => one.input.value.split(",").map((name) => name.trim()).filter(Boolean);
  return { ...one, get value() { return names().map(idOf); }, missing: false };
}

/** The API's document; an event that there is keeps its currency. */
export function bodyOf(values, { currency = "RUB" } = {}) {
  const body = {
    name: values.name, description: values.description, artist_ids: values.artist_ids,
    venue_id: values.venue_id, starts_at: fromInput(values.starts_at), currency,
    tiers: tiersOf(values.tiers, currency),
    sale: { opens_at: fromInput(values.opens_at), closes_at: fromInput(values.closes_at),
      short_notice_reason: values.short_notice_reason || null },
    limits: { per_person: Number(values.per_person), per_hold: Number(values.per_hold) },
    hold_ttl_s: Number(values.hold_ttl_s),
  };
  if (values.plan_id) body.plan_id = values.plan_id;
  if (values.rules.trim()) body.rules = JSON.parse(values.rules);
  return body;
}
