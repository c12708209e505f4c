// Paints the hall on a canvas. Knows colours and shapes, nothing of gestures or the network.
// Status is told by shape as well as by colour: free is a full square, held a hollow one, sold a
// small dot, the visitor's own a framed square with a tick.

import { BLOCKED, FREE, HELD, SOLD } from "./bitmap.js";
import { say } from "./messages.js";
import { seatAt } from "./viewport.js";

/** Side of a seat as a part of the distance between seats. */
const SIDE = 0.8;
/** Below this side, in pixels, seats are plain rectangles; above they have their full shape. */
const SHAPES_FROM_PX = 6;
const NUMBERS_FROM_PX = 17;
/** Nearer than this distance between seats, in pixels, signs on sections would hide seats. */
const SIGNS_BELOW_PX = 12;
const SIGN_PX = 19;
const TIERS_MAX = 8;
/** Distance of a row's label from the canvas's edge, in pixels. */
const ROW_EDGE_PX = 12;

export class Painter {
  #context;
  #sprites = new Map();
  #colours = {};

  constructor(canvas, plan, seats, selection) {
    Object.assign(this, { canvas, plan, seats, selection, ratio: 1 });
    this.#context = canvas.getContext("2d");
    this.byTier = plan.tiers.map(() => []);
    for (const seat of plan.drawn) this.byTier[plan.tier[seat]]?.push(seat);
    this.accessible = plan.drawn.filter((seat) => plan.accessible[seat] === 1);
  }

  /** Reads the colours anew; call it when the page's theme changes. */
  readTheme() {
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    for (const name of ["panel", "ink", "muted", "held", "sold", "mine", "mine-ink", "stage"]) {
      this.#colours[name] = colour(name);
    }
    this.#colours.tiers = Array.from({ length: TIERS_MAX }, (_, tier) => colour(`tier-${tier}`));
    this.#colours.font = style.fontFamily;
    this.#sprites.clear();
  }

  resize(width, height, ratio) {
    this.ratio = ratio;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.#sprites.clear();
  }

  /** Paints everything. `look`: hover (seat or -1), tier (index to stress, or null). */
  paint(view, look) {
    const context = this.#context;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    const side = view.pitchPx * SIDE;
    this.#stage(view);
    this.#free(view, side, look.tier);
    this.#taken(view, side);
    this.#marks(view, side);
    this.#names(view);
    for (const seat of this.selection.seats) {
      if (this.plan.sectionOf(seat).isArea) continue;
      this.#one(view, seat, "mine", Math.max(side, 9));
    }
    if (look.hover >= 0) this.#ring(view, look.hover, Math.max(side, 9));
  }

  #free(view, side, stressed) {
    this.byTier.forEach((list, tier) => {
      this.#context.globalAlpha = stressed === null || stressed === tier ? 1 : 0.22;
      const isFree = (seat) => this.seats.statuses[seat] === FREE;
      const style = `tier-${tier % TIERS_MAX}`;
      this.#all(view, list, isFree, style, side);
    });
    this.#context.globalAlpha = 1;
  }

  #taken(view, side) {
    for (const [status, style] of [[HELD, "held"], [SOLD, "sold"], [BLOCKED, "sold"]]) {
      const matches = (seat) => this.seats.statuses[seat] === status;
      this.#all(view, this.plan.drawn, matches, style, side);
    }
  }

  /** Paints those seats of `list` that match and can be seen. */
  #all(view, list, matches, style, side) {
    const { plan } = this;
    const context = this.#context;
    const sprite = side >= SHAPES_FROM_PX ? this.#sprite(style, side) : null;
    const small = smallSide(style, side);
    context.fillStyle = this.#colour(style);
    for (const seat of list) {
      if (!matches(seat)) continue;
      const px = plan.x[seat] * view.scale + view.dx;
      const py = plan.y[seat] * view.scale + view.dy;
      if (px < -side || py < -side || px > view.width + side || py > view.height + side) continue;
      if (sprite === null) context.fillRect(px - small / 2, py - small / 2, small, small);
      else context.drawImage(sprite, px - side / 2 - 1, py - side / 2 - 1, side + 2, side + 2);
    }
  }

  #one(view, seat, style, side) {
    const [px, py] = view.toScreen(this.plan.x[seat], this.plan.y[seat]);
    const sprite = this.#sprite(style, side);
    this.#context.drawImage(sprite, px - side / 2 - 1, py - side / 2 - 1, side + 2, side + 2);
  }

  #ring(view, seat, side) {
    const [px, py] = view.toScreen(this.plan.x[seat], this.plan.y[seat]);
    const context = this.#context;
    context.strokeStyle = this.#colours.ink;
    context.lineWidth = 2;
    context.beginPath();
    context.roundRect(px - side / 2 - 2, py - side / 2 - 2, side + 4, side + 4, side * 0.3);
    context.stroke();
  }

  /** Seat numbers and the sign of wheelchair places, where there is room for them. */
  #marks(view, side) {
    if (side < SHAPES_FROM_PX) return;
    const context = this.#context;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = this.#colours.panel;
    const numbered = side >= NUMBERS_FROM_PX;
    context.font = `600 ${Math.round(side * 0.42)}px ${this.#colours.font}`;
    if (numbered) {
      this.#visible(view, this.plan.drawn, (seat, px, py) => {
        if (this.seats.statuses[seat] !== FREE || this.plan.accessible[seat] === 1) return;
        context.fillText(this.plan.number[seat], px, py + side * 0.03);
      });
    }
    this.#visible(view, this.accessible, (seat, px, py) => {
      if (this.seats.statuses[seat] !== FREE) return;
      context.beginPath();
      context.arc(px, py, side * 0.26, 0, Math.PI * 2);
      context.fill();
    });
  }

  #visible(view, list, each) {
    const edge = view.pitchPx;
    for (const seat of list) {
      const px = this.plan.x[seat] * view.scale + view.dx;
      const py = this.plan.y[seat] * view.scale + view.dy;
      if (px < -edge || py < -edge || px > view.width + edge || py > view.height + edge) continue;
      each(seat, px, py);
    }
  }

  /** Far away every section bears its name; near by, rows bear labels and one sign tells where. */
  #names(view) {
    const context = this.#context;
    context.textBaseline = "middle";
    context.textAlign = "center";
    if (view.pitchPx < SIGNS_BELOW_PX) {
      this.#sectionSigns(view);
      return;
    }
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = this.#colours.panel;
    context.font = `600 11px ${this.#colours.font}`;
    context.fillStyle = this.#colours.muted;
    for (const row of this.plan.rows) {
      if (!this.plan.sections[row.section].isArea) this.#rowLabel(view, row);
    }
    const seat = seatAt(this.plan, view, view.width / 2, view.height / 2, Infinity);
    context.font = `600 13px ${this.#colours.font}`;
    if (seat >= 0) this.#sign(this.plan.sectionOf(seat).name, view.width / 2, 16);
  }

  /** A sign in the middle of each section: its name where that fits, else its id, else nothing. */
  #sectionSigns(view) {
    const context = this.#context;
    context.font = `600 12px ${this.#colours.font}`;
    const taken = [];
    for (const { id, name, first, end, isArea, bounds } of this.plan.sections) {
      if (end === first || isArea) continue;
      const room = (bounds.right - bounds.left) * view.scale;
      const text = [name, id].find((words) => context.measureText(words).width + 8 <= room);
      if (text === undefined) continue;
      const { left, right, top, bottom } = bounds;
      const [px, py] = view.toScreen((left + right) / 2, (top + bottom) / 2);
      const half = context.measureText(text).width / 2;
      const free = taken.every((sign) =>
        Math.abs(sign.px - px) > sign.half + half + 6 || Math.abs(sign.py - py) > SIGN_PX);
      if (!free) continue;
      taken.push({ px, py, half });
      this.#sign(text, px, py);
    }
  }

  #sign(text, px, py) {
    const context = this.#context;
    const width = context.measureText(text).width + 12;
    context.globalAlpha = 0.9;
    context.fillStyle = this.#colours.panel;
    context.beginPath();
    context.roundRect(px - width / 2, py - SIGN_PX / 2, width, SIGN_PX, 6);
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = this.#colours.ink;
    context.fillText(text, px, py);
  }

  /** A row's label continues the row, on its left where there is a left. Rows that go on beyond
   * the canvas have it at the edge. */
  #rowLabel(view, { label, first, end }) {
    const { x, y } = this.plan;
    if (end - first < 2) return;
    const across = Math.abs(x[end - 1] - x[first]) > Math.abs(y[end - 1] - y[first]);
    const leftmost = x[first] <= x[end - 1] ? first : end - 1;
    const lead = across ? leftmost : first;
    const next = lead === first ? first + 1 : end - 2;
    const [dx, dy] = unit(x[lead] - x[next], y[lead] - y[next]);
    const [px, py] = view.toScreen(x[lead], y[lead]);
    const far = view.pitchPx * 0.95;
    if (px + dx * far >= ROW_EDGE_PX) this.#haloed(label, px + dx * far, py + dy * far);
    else if (across) this.#edgeLabel(view, label, this.#leftInView(view, first, end));
  }

  /** A label at the canvas's left edge, at the height of `seat` (-1: the row is out of view). */
  #edgeLabel(view, label, seat) {
    if (seat < 0) return;
    const [, py] = view.toScreen(this.plan.x[seat], this.plan.y[seat]);
    const context = this.#context;
    context.fillStyle = this.#colours.panel;
    context.beginPath();
    context.roundRect(1, py - 9, ROW_EDGE_PX * 2 - 2, 18, 6);
    context.fill();
    context.fillStyle = this.#colours.muted;
    context.fillText(label, ROW_EDGE_PX, py);
  }

  /** The leftmost seat in view of those from `first` to before `end`, or -1. */
  #leftInView(view, first, end) {
    const { x, y } = this.plan;
    let lead = -1;
    for (let seat = first; seat < end; seat += 1) {
      const [px, py] = view.toScreen(x[seat], y[seat]);
      if (px < 0 || py < 0 || px > view.width || py > view.height) continue;
      if (lead < 0 || x[seat] < x[lead]) lead = seat;
    }
    return lead;
  }

  #haloed(text, px, py) {
    this.#context.strokeText(text, px, py);
    this.#context.fillText(text, px, py);
  }

  #stage(view) {
    const context = this.#context;
    const { x, y, width, height } = stageOf(this.plan);
    const [px, py] = view.toScreen(x, y);
    const [w, h] = [width * view.scale, height * view.scale];
    context.fillStyle = this.#colours.stage;
    context.beginPath();
    context.roundRect(px, py, w, h, Math.min(h / 2, 10));
    context.fill();
    if (h < 13) return;
    context.fillStyle = this.#colours.muted;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = `600 ${Math.min(h * 0.62, 15)}px ${this.#colours.font}`;
    context.fillText(say("stage"), px + w / 2, py + h / 2);
  }

  #colour(style) {
    return style.startsWith("tier-") ? this.#colours.tiers[Number(style.slice(5))]
      : this.#colours[style];
  }

  /** A seat's picture, painted once for each style and size: copying it is cheap. */
  #sprite(style, side) {
    const key = `${style} ${Math.round(side * 2)}`;
    let sprite = this.#sprites.get(key);
    if (sprite === undefined) {
      // Zooming passes through many sizes; old ones are not worth keeping.
      if (this.#sprites.size > 200) this.#sprites.clear();
      sprite = this.#newSprite(style, side);
      this.#sprites.set(key, sprite);
    }
    return sprite;
  }

  #newSprite(style, side) {
    const sprite = document.createElement("canvas");
    sprite.width = sprite.height = Math.max(1, Math.round((side + 2) * this.ratio));
    const context = sprite.getContext("2d");
    context.scale(sprite.width / (side + 2), sprite.width / (side + 2));
    context.translate(1, 1);
    context.fillStyle = context.strokeStyle = this.#colour(style);
    if (style === "held") hollow(context, side);
    else if (style === "sold") dot(context, side);
    else if (style === "mine") ticked(context, side, this.#colours["mine-ink"]);
    else full(context, side);
    return sprite;
  }
}

/** Where the stage is: as the plan says, else a bar before the first row, since y grows away from
 * the stage. */
export function stageOf(plan) {
  if (plan.stage !== null) return plan.stage;
  const { left, right, top } = plan.bounds;
  const width = Math.max((right - left) * 0.4, plan.pitch * 4);
  const height = Math.max((right - left) * 0.035, plan.pitch * 1.4);
  const gap = Math.max(plan.pitch * 2.4, (right - left) * 0.055);
  return { x: (left + right - width) / 2, y: top - gap - height, width, height };
}

/** The direction of (x, y) as a vector of length one; nowhere is up, towards the stage. */
function unit(x, y) {
  const length = Math.hypot(x, y);
  return length === 0 ? [0, -1] : [x / length, y / length];
}

/** Sides of plain rectangles: size alone must tell the status when shapes are too small. */
function smallSide(style, side) {
  if (style === "held") return side * 0.6;
  return style === "sold" ? Math.max(side * 0.4, 1) : side;
}

function full(context, side) {
  context.beginPath();
  context.roundRect(0, 0, side, side, side * 0.28);
  context.fill();
}

function hollow(context, side) {
  const line = Math.max(1.2, side * 0.1);
  context.lineWidth = line;
  context.beginPath();
  context.roundRect(side * 0.1, side * 0.1, side * 0.8, side * 0.8, side * 0.22);
  context.stroke();
}

function dot(context, side) {
  context.beginPath();
  context.arc(side / 2, side / 2, Math.max(side * 0.17, 1), 0, Math.PI * 2);
  context.fill();
}

function ticked(context, side, ink) {
  full(context, side);
  context.strokeStyle = ink;
  context.lineWidth = Math.max(1.5, side * 0.1);
  context.beginPath();
  context.roundRect(0.5, 0.5, side - 1, side - 1, side * 0.26);
  context.moveTo(side * 0.28, side * 0.52);
  context.lineTo(side * 0.44, side * 0.68);
  context.lineTo(side * 0.73, side * 0.34);
  context.stroke();
}
