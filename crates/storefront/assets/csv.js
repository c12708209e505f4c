// Reads a plan's file, CSV or JSON, as far as a preview needs it: the server checks and has the
// word. Pure.

const HEADER = ["section", "row", "number", "tier", "x", "y", "flags"];

/** {format, sections: [{id, tier, area, capacity, seats: [{row, number, tier, x, y}]}], faults}. */
export function readPlan(text) {
  return text.trimStart().startsWith("{") ? fromJson(text) : fromCsv(text);
}

function fromJson(text) {
  const plan = { format: "json", sections: [], faults: [], document: null };
  try {
    plan.document = JSON.parse(text);
    plan.sections = (plan.document.sections ?? []).map((section) => ({
      id: section.id, tier: section.tier, area: section.kind === "area",
      capacity: section.capacity ?? 0,
      seats: (section.rows ?? []).flatMap(({ label, seats }) =>
        seats.map((seat) => ({ ...seat, row: label }))),
    }));
  } catch (error) {
    plan.faults.push({ line: 0, reason: String(error.message) });
  }
  return plan;
}

function fromCsv(text) {
  const plan = { format: "csv", sections: [], faults: [], document: null };
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const head = cells(lines[0] ?? "").map((name) => name.trim());
  if (head.join() !== HEADER.join()) {
    plan.faults.push({ line: 1, reason: HEADER.join(",") });
    return plan;
  }
  lines.slice(1).forEach((line, index) => {
    if (line.trim() === "") return;
    const found = cells(line);
    if (found.length !== HEADER.length) plan.faults.push({ line: index + 2, reason: line });
    else add(plan.sections, found.map((cell) => cell.trim()));
  });
  return plan;
}

function add(sections, [id, row, number, tier, x, y, flags]) {
  const area = flags.split(";").includes("area");
  let section = sections.find((one) => one.id === id);
  if (section === undefined) {
    section = { id, tier, area, capacity: area ? Number(number) : 0, seats: [] };
    sections.push(section);
  }
  if (!area) section.seats.push({ row, number, tier, x: Number(x), y: Number(y) });
}

/** The cells of a line; a cell in double quotes may hold commas and doubled quotes. */
function cells(line) {
  const found = [];
  const pattern = /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g;
  for (const match of line.matchAll(pattern)) {
    found.push(match[1] === undefined ? match[2] : match[1].replaceAll('""', '"'));
  }
  return found;
}

/** Seats and places in all. */
export function countOf(sections) {
  return sections.reduce((sum, { area, capacity, seats }) =>
    sum + (area ? capacity : seats.length), 0);
}
