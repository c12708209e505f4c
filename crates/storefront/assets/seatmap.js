// The map as a thing to touch: pan, pinch, wheel, hover, click. Paints at most once a frame.

import { SOLD } from "./bitmap.js";
import { make } from "./dom.js";
import { Painter, stageOf } from "./draw.js";
import { say } from "./messages.js";
import { moneyText } from "./money.js";
import { seatAt, Viewport } from "./viewport.js";

/** A finger that moved less than this, in pixels, meant a tap. */
const TAP_SLOP_PX = 7;
/** Seats nearer to each other than this cannot be hit with surety; a tap comes closer instead. */
const TOUCH_PITCH_MIN_PX = 22;
const MOUSE_PITCH_MIN_PX = 7;
const STATUS_WORDS = ["status_free", "status_held", "status_sold", "status_blocked"];

export class SeatMap {
  #painter;
  #view;
  #look = { hover: -1, tier: null };
  #frame = 0;
  #pointers = new Map();
  #travelled = 0;

  /** `onPick(seat)` is called for a seat that was clicked or tapped. */
  constructor({ canvas, tip, plan, seats, selection, onPick }) {
    Object.assign(this, { canvas, tip, plan, seats, selection, onPick });
    this.#painter = new Painter(canvas, plan, seats, selection);
    this.#view = new Viewport(plan);
    this.#painter.readTheme();
    this.#listen();
    new ResizeObserver(() => this.#resize()).observe(canvas);
    seats.addEventListener("change", () => this.redraw());
    selection.addEventListener("change", () => this.redraw());
    const themes = matchMedia("(prefers-color-scheme: dark)");
    themes.addEventListener("change", () => {
      this.#painter.readTheme();
      this.redraw();
    });
  }

  /** Asks for one painting in the next frame, however often it is called. */
  redraw() {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#painter.paint(this.#view, this.#look);
    });
  }

  /** Stresses the seats of one tier (its index), or of all (null). */
  stress(tier) {
    this.#look.tier = tier;
    this.redraw();
  }

  zoom(factor) {
    this.#zoomAt(factor, this.#view.width / 2, this.#view.height / 2);
  }

  showAll() {
    this.#view.fit(this.#world(), this.#view.width, this.#view.height);
    this.#moved();
  }

  /** Brings `seats` into the middle, near enough to be told apart. */
  showSeats(seats) {
    if (seats.length === 0 || this.#view.width === 0) return;
    const { plan } = this;
    const mean = (axis) => seats.reduce((sum, seat) => sum + axis[seat], 0) / seats.length;
    const [px, py] = this.#view.toScreen(mean(plan.x), mean(plan.y));
    this.#view.panBy(this.#view.width / 2 - px, this.#view.height / 2 - py);
    if (this.#view.pitchPx < TOUCH_PITCH_MIN_PX) {
      this.zoom(TOUCH_PITCH_MIN_PX / this.#view.pitchPx);
      const [qx, qy] = this.#view.toScreen(mean(plan.x), mean(plan.y));
      this.#view.panBy(this.#view.width / 2 - qx, this.#view.height / 2 - qy);
    }
    this.#moved();
  }

  /** The hall with its stage and a margin. */
  #world() {
    const { bounds, pitch } = this.plan;
    const stage = stageOf(this.plan);
    const margin = pitch * 1.5;
    return {
      left: Math.min(bounds.left, stage.x) - margin,
      right: Math.max(bounds.right, stage.x + stage.width) + margin,
      top: Math.min(bounds.top, stage.y) - margin,
      bottom: Math.max(bounds.bottom, stage.y + stage.height) + margin,
    };
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width === 0 || height === 0) return;
    this.#painter.resize(width, height, Math.min(devicePixelRatio || 1, 2));
    if (this.#view.width === 0) this.#view.fit(this.#world(), width, height);
    else this.#view.resize(width, height);
    // A resized canvas is empty: waiting for the next frame would flash. Before anything is known
    // of the seats there is nothing true to paint.
    if (this.seats.known) this.#painter.paint(this.#view, this.#look);
  }

  #listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#pointers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => this.#hover(-1));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    if (this.#pointers.size === 0) this.#travelled = 0;
    this.#pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    const now = [event.offsetX, event.offsetY];
    if (before === undefined) {
      if (event.pointerType !== "touch") this.#hover(this.#seatUnder(now, event), now);
      return;
    }
    this.#travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (this.#pointers.size === 2) this.#pinch(event.pointerId, before, now);
    else if (this.#travelled > TAP_SLOP_PX) this.#drag(before, now);
    this.#pointers.set(event.pointerId, now);
  }

  #up(event) {
    const wasAlone = this.#pointers.size === 1;
    this.#pointers.delete(event.pointerId);
    if (this.#pointers.size === 0) delete this.canvas.dataset.dragging;
    if (!wasAlone || this.#travelled > TAP_SLOP_PX || event.button > 0) return;
    this.#tap([event.offsetX, event.offsetY], event);
  }

  #drag(before, now) {
    this.canvas.dataset.dragging = "";
    this.#view.panBy(now[0] - before[0], now[1] - before[1]);
    this.#moved();
  }

  /** Two fingers: their distance is the scale, their middle the place. */
  #pinch(id, before, now) {
    const [other] = [...this.#pointers].filter(([key]) => key !== id).map(([, at]) => at);
    const distance = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
    const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
    this.#view.panBy((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    this.#zoomAt(distance(now) / Math.max(distance(before), 1), ...middle);
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    const speed = event.ctrlKey ? 0.012 : 0.0022;
    this.#zoomAt(Math.exp(-event.deltaY * lines * speed), event.offsetX, event.offsetY);
  }

  #tap(at, event) {
    const nearEnough = event.pointerType === "touch" ? TOUCH_PITCH_MIN_PX : MOUSE_PITCH_MIN_PX;
    if (this.#view.pitchPx < nearEnough) {
      this.#zoomAt((TOUCH_PITCH_MIN_PX * 1.15) / this.#view.pitchPx, ...at);
      return;
    }
    const seat = this.#seatUnder(at, event);
    if (seat < 0) return;
    this.onPick(seat);
    this.#hover(seat, at);
  }

  #seatUnder([px, py], event) {
    const reach = this.#view.pitchPx * 0.55;
    const most = event.pointerType === "touch" ? Math.max(reach, 14) : Math.max(reach, 4);
    return seatAt(this.plan, this.#view, px, py, most);
  }

  #zoomAt(factor, px, py) {
    this.#view.zoomAt(factor, px, py);
    this.#moved();
  }

  #moved() {
    // When the whole hall is shown one finger scrolls the page; see the style sheet.
    this.canvas.toggleAttribute("data-zoomed", !this.#view.whole);
    this.#hover(-1);
    this.redraw();
  }

  #hover(seat, at = null) {
    if (seat < 0 && this.#look.hover < 0) return;
    this.#look.hover = seat;
    this.canvas.toggleAttribute("data-over", seat >= 0 && this.#pickable(seat));
    this.tip.hidden = seat < 0;
    if (seat >= 0) this.#fillTip(seat, at);
    this.redraw();
  }

  #pickable(seat) {
    return this.seats.isFree(seat) || this.selection.has(seat);
  }

  #fillTip(seat, [px, py]) {
    const { plan, tip } = this;
    const status = this.selection.has(seat) ? "status_mine"
      : STATUS_WORDS[this.seats.known ? this.seats.statuses[seat] : SOLD];
    const tier = plan.tiers[plan.tier[seat]];
    const facts = [say(status), ...(plan.accessible[seat] ? [say("accessible")] : [])];
    tip.replaceChildren(
      make("strong", {}, plan.name(seat)),
      make("span", {}, `${tier.name} · ${moneyText(this.plan.fullPrice(seat))}`),
      make("span", {}, facts.join(", ")),
    );
    const left = Math.min(Math.max(px - tip.offsetWidth / 2, 4),
      this.#view.width - tip.offsetWidth - 4);
    const above = py - tip.offsetHeight - 18;
    tip.style.transform = `translate(${left}px, ${above < 4 ? py + 22 : above}px)`;
  }
}
