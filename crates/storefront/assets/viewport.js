// Where the visitor looks: scale and offset between the hall's units and the canvas's pixels. Pure.

/** A seat may grow to this many pixels; more shows nothing new. */
const PITCH_MAX_PX = 56;

export class Viewport {
  constructor(plan) {
    this.pitch = plan.pitch;
    this.scale = 1;
    this.dx = 0;
    this.dy = 0;
    this.width = 0;
    this.height = 0;
    this.world = plan.bounds;
    this.fitScale = 1;
  }

  /** Shows `bounds` whole in a canvas of `width` by `height` pixels. */
  fit(bounds, width, height) {
    Object.assign(this, { world: bounds, width, height });
    this.fitScale = Math.min(
      width / Math.max(bounds.right - bounds.left, this.pitch),
      height / Math.max(bounds.bottom - bounds.top, this.pitch),
      PITCH_MAX_PX / this.pitch,
    );
    this.scale = this.fitScale;
    this.dx = (width - (bounds.left + bounds.right) * this.scale) / 2;
    this.dy = (height - (bounds.top + bounds.bottom) * this.scale) / 2;
  }

  /** Changes the canvas's size and keeps the middle of the view where it was. */
  resize(width, height) {
    const wasWhole = this.whole;
    this.dx += (width - this.width) / 2;
    this.dy += (height - this.height) / 2;
    Object.assign(this, { width, height });
    if (wasWhole) this.fit(this.world, width, height);
  }

  /** Whether the whole hall is shown. */
  get whole() {
    return this.scale <= this.fitScale * 1.001;
  }

  get pitchPx() {
    return this.pitch * this.scale;
  }

  /** Multiplies the scale by `factor` and keeps the point under (px, py) in place. */
  zoomAt(factor, px, py) {
    const most = Math.max(PITCH_MAX_PX / this.pitch, this.fitScale);
    const scale = Math.min(Math.max(this.scale * factor, this.fitScale), most);
    const real = scale / this.scale;
    this.dx = px - (px - this.dx) * real;
    this.dy = py - (py - this.dy) * real;
    this.scale = scale;
    this.#clamp();
  }

  panBy(px, py) {
    this.dx += px;
    this.dy += py;
    this.#clamp();
  }

  toWorld(px, py) {
    return [(px - this.dx) / this.scale, (py - this.dy) / this.scale];
  }

  toScreen(x, y) {
    return [x * this.scale + this.dx, y * this.scale + this.dy];
  }

  /** The hall never leaves the canvas: it is centred when small, its edges hold when big. */
  #clamp() {
    const { left, right, top, bottom } = this.world;
    this.dx = clampAxis(this.dx, left * this.scale, right * this.scale, this.width);
    this.dy = clampAxis(this.dy, top * this.scale, bottom * this.scale, this.height);
  }
}

function clampAxis(offset, low, high, size) {
  if (high - low <= size) return (size - low - high) / 2;
  return Math.min(Math.max(offset, size - high), -low);
}

/** The seat nearest to (px, py) within `reachPx` pixels, or -1. */
export function seatAt(plan, view, px, py, reachPx) {
  const [x, y] = view.toWorld(px, py);
  const reach = Math.max(reachPx / view.scale, 0);
  let best = -1;
  let bestSquare = reach * reach;
  for (const seat of plan.drawn) {
    const ex = plan.x[seat] - x;
    const ey = plan.y[seat] - y;
    const square = ex * ex + ey * ey;
    if (square <= bestSquare) {
      bestSquare = square;
      best = seat;
    }
  }
  return best;
}
