// A small line chart as an SVG document, with its figures in words for who does not see it.

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, PAD] = [320, 96, 4];

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** The points of a polyline through `values`, the newest at the right; pure. */
export function points(values, count, max = Math.max(...values, 1)) {
  const step = (WIDTH - 2 * PAD) / Math.max(count - 1, 1);
  const from = WIDTH - PAD - step * (values.length - 1);
  return values.map((value, at) => {
    const y = HEIGHT - PAD - (value / max) * (HEIGHT - 2 * PAD);
    return `${(from + at * step).toFixed(1)},${y.toFixed(1)}`;
  }).join(" ");
}

/** Values shown at most; older ones leave on the left. */
const VALUES_MAX = 60;

/** A chart of the latest values; `label` says what it shows. */
export class Chart {
  #values = [];

  constructor(label) {
    this.label = label;
    this.element = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
      class: "chart", preserveAspectRatio: "none" });
    this.line = svg("polyline", { class: "chart-line" });
    this.element.append(this.line);
    this.element.setAttribute("aria-label", label);
  }

  /** One more value. */
  add(value) {
    this.#values = [...this.#values, value].slice(-VALUES_MAX);
    this.line.setAttribute("points", points(this.#values, VALUES_MAX));
    this.element.setAttribute("aria-label", `${this.label}: ${Math.round(value * 10) / 10}`);
  }
}
