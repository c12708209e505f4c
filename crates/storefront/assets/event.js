// The event's page: reads the hall, then joins map, list, tray, hold and checkout.

import { callPlain, segment } from "./api.js";
import { Areas } from "./areas.js";
import { FREE, HELD } from "./bitmap.js";
import { announce, byId, make, show } from "./dom.js";
import { HoldDesk } from "./hold.js";
import { openOrder } from "./keep.js";
import { SeatList } from "./list.js";
import { Live, snapshotOf } from "./live.js";
import { say } from "./messages.js";
import { nearestTo } from "./nearest.js";
import { orderPage } from "./pay.js";
import { Plan } from "./plan.js";
import { describe } from "./problem.js";
import { SeatMap } from "./seatmap.js";
import { Seats } from "./seats.js";
import { Selection } from "./selection.js";
import { wireSteppers } from "./stepper.js";
import { Tray } from "./tray.js";
import { localizeTimes } from "./when.js";

/** How long the rest of the page waits for the first picture, in milliseconds. */
const PATIENCE_MS = 1000;

class EventPage {
  #busy = false;
  #bring;

  constructor(main, plan, early) {
    /** What stands beside the hall, once it is there: {room, waitlist, checkout}. */
    this.beside = new Promise((done) => {
      this.#bring = done;
    });
    this.main = main;
    this.plan = plan;
    this.eventId = main.dataset.event;
    this.seats = new Seats(plan);
    this.selection = new Selection(Number(main.dataset.seatsMax));
    this.desk = new HoldDesk(this.eventId);
    this.tray = new Tray(plan, this.selection);
    this.live = new Live(this.eventId, this.seats, early);
    const views = {
      plan, seats: this.seats, selection: this.selection, onPick: (seat) => this.#pick(seat),
    };
    this.map = new SeatMap({ ...views, canvas: byId("map-canvas"), tip: byId("map-tip") });
    this.list = new SeatList({ ...views, root: byId("seat-list") });
    new Areas({
      plan, seats: this.seats, max: this.selection.max,
      onTake: (request, button, complain) => this.#take(request, button, complain),
    });
  }

  start() {
    this.#listen();
    this.#controls();
    this.#tiers();
    this.#standing();
    this.live.start();
  }

  /** Brings what stands beside the hall. */
  complete(late) {
    late.then(({ beside }) => this.#bring(beside(this))).catch((problem) => {
      console.error(problem);
      this.tray.say(say("problem_busy"));
    });
    this.desk.restore();
    const order = openOrder(this.eventId);
    if (order !== null) this.tray.say(say("unfinished"), { link: orderPage(order) });
  }

  #listen() {
    this.seats.addEventListener("change", () => {
      byId("map-wait").hidden = true;
      this.#counts();
      this.#loseTaken();
      this.#soldOut();
    });
    this.live.addEventListener("state", () => {
      byId("fresh").dataset.state = this.live.connected ? "live" : "late";
      show(byId("fresh"), say(this.live.connected ? "live" : "reconnecting"));
    });
    this.selection.addEventListener("change", () => this.#stage());
    this.desk.addEventListener("held", () => this.#held());
    this.desk.addEventListener("over", ({ detail }) => this.#over(detail));
    this.desk.addEventListener("gone", () => this.tray.say(say("hold_gone")));
    byId("hold-button").addEventListener("click", () => this.#holdChosen());
    byId("release-button").addEventListener("click", () => this.#release());
    byId("extend-button").addEventListener("click", () => this.#extend());
    byId("best-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#holdBest(new FormData(event.target));
    });
  }

  /** What the page said of free seats as it came is made true. */
  #soldOut() {
    if (!this.seats.known) return;
    const isFree = this.seats.free.some((free) => free > 0);
    const told = this.main.querySelector(".notice-sold_out");
    if (told !== null) told.hidden = isFree;
    if (isFree) return;
    this.beside.then(({ waitlist }) => waitlist.open());
  }

  #controls() {
    byId("zoom-in").addEventListener("click", () => this.map.zoom(1.6));
    byId("zoom-out").addEventListener("click", () => this.map.zoom(1 / 1.6));
    byId("zoom-all").addEventListener("click", () => this.map.showAll());
    for (const [name, other] of [["map", "list"], ["list", "map"]]) {
      byId(`view-${name}`).addEventListener("click", () => this.#view(name, other));
    }
    wireSteppers(byId("best"));
  }

  /** Tiers that are only stood in are not offered as seats; a hall without seats has no map. */
  #standing() {
    const seated = new Set();
    for (const seat of this.plan.drawn) seated.add(this.plan.tier[seat]);
    this.plan.tiers.forEach((tier, index) => {
      const option = byId("best-tier").querySelector(`option[value="${CSS.escape(tier.id)}"]`);
      if (!seated.has(index)) option?.remove();
    });
    if (seated.size > 0) return;
    byId("best").hidden = true;
    byId("map-card").hidden = true;
  }

  #view(name, other) {
    byId(`view-${name}`).setAttribute("aria-pressed", "true");
    byId(`view-${other}`).setAttribute("aria-pressed", "false");
    byId("map").hidden = name === "list";
    byId("seat-list").hidden = name === "map";
    if (name === "list") this.list.refresh();
  }

  /** Makes the price lines buttons that stress their seats on the map. */
  #tiers() {
    this.plan.tiers.forEach((tier, index) => {
      const row = document.querySelector(`tr[data-tier="${CSS.escape(tier.id)}"]`);
      const cell = row?.querySelector("th");
      if (!cell) return;
      const button = make("button", { type: "button", className: "tier", "aria-pressed": "false" });
      button.append(...cell.childNodes);
      button.querySelector(".swatch").className = `swatch swatch-${index % 8}`;
      button.addEventListener("click", () => this.#stress(button, index));
      cell.append(button);
    });
  }

  #stress(button, index) {
    const on = button.getAttribute("aria-pressed") !== "true";
    for (const other of document.querySelectorAll("button.tier")) {
      other.setAttribute("aria-pressed", "false");
    }
    button.setAttribute("aria-pressed", String(on));
    this.map.stress(on ? index : null);
  }

  #counts() {
    this.plan.tiers.forEach((tier, index) => {
      const cell = document.querySelector(`[data-free="${CSS.escape(tier.id)}"]`);
      const text = say("seats_free", { n: this.seats.free[index] });
      if (cell !== null && cell.textContent !== text) cell.textContent = text;
    });
  }

  /** "choosing", "chosen" or "held": the style sheet shows what belongs to it. */
  #stage() {
    const choosing = this.selection.size > 0 ? "chosen" : "choosing";
    this.main.dataset.stage = this.desk.hold !== null ? "held" : choosing;
  }

  #pick(seat) {
    if (!this.seats.known || this.#busy) return;
    if (!this.selection.has(seat) && !this.seats.isFree(seat)) return;
    const result = this.selection.toggle(seat);
    if (result === "frozen") return;
    if (result === "full") {
      this.tray.say(say("seats_max", { n: this.selection.max }));
      return;
    }
    this.tray.say(null);
    announce(`${this.plan.name(seat)}: ${say("seats_chosen", { n: this.selection.size })}`);
  }

  /** Chosen seats that somebody else got leave the choice, and the visitor is told which. */
  #loseTaken() {
    if (this.#busy || this.desk.hold !== null) return;
    const taken = this.selection.seats.filter((seat) => !this.seats.isFree(seat));
    if (taken.length === 0) return;
    this.selection.drop(taken);
    this.tray.say(say("seat_gone", { seats: this.#names(taken) }));
  }

  #holdChosen() {
    const seats = this.selection.seats.map((seat) => this.plan.id(seat));
    return this.#take({ seats }, byId("hold-button"), (text) => {
      this.tray.say(text, { focus: true });
    });
  }

  #holdBest(form) {
    const best = { number: Number(form.get("number")), prevent_orphans: true };
    if (form.get("tier")) best.tiers = [form.get("tier")];
    show(byId("best-error"), null);
    const button = byId("best-form").querySelector("[type=submit]");
    return this.#take({ best }, button, (text) => show(byId("best-error"), text));
  }

  async #take(request, button, complain) {
    if (this.#busy || this.desk.hold !== null) return;
    this.#setBusy(true, button);
    try {
      await this.desk.take({ ...request, ...codes() });
    } catch (problem) {
      this.#refused(problem, complain);
    } finally {
      this.#setBusy(false, button);
    }
  }

  #refused(problem, complain) {
    if (problem?.code === "queue_required") {
      this.beside.then(({ room }) => room.require());
      return;
    }
    if (problem?.code?.startsWith("not_enough")) this.#offerWaiting();
    const lost = (problem?.body?.seats ?? [])
      .map(({ id, status }) => [this.plan.find(id), status === "sold" ? 2 : HELD])
      .filter(([seat]) => seat !== undefined);
    if (problem?.code !== "seat_taken" || lost.length === 0) {
      complain(describe(problem));
      return;
    }
    const seats = lost.map(([seat]) => seat);
    // Named first: learning it makes the page drop the seats with a shorter notice.
    this.selection.drop(seats);
    this.seats.learn(lost);
    complain(say("lost_seats", { seats: this.#names(seats) }));
    this.#offerNearest(seats);
  }

  /** None that fit are free: the list takes wishes. */
  #offerWaiting() {
    const number = () => Number(byId("best-number").value);
    // After the words of the refusal, which are put there first.
    this.beside.then(({ waitlist }) => waitlist.offerBeside(byId("best-error"), number));
  }

  /** Others like the seats that were lost, chosen by one press. */
  #offerNearest(lost) {
    const taken = this.selection.seats;
    const near = nearestTo(this.plan, lost, (seat) => this.seats.isFree(seat), taken);
    if (near.length === 0) return;
    this.tray.offer(say("take_instead", { seats: this.#names(near) }), () => {
      for (const seat of near) this.#pick(seat);
      byId("hold-button").focus();
    });
  }

  #held() {
    const { hold } = this.desk;
    const seats = this.#seatsOf(hold);
    this.beside.then(({ room, waitlist, checkout }) => {
      // It may have ended again before its way to pay was there.
      if (this.desk.hold === null) return;
      room.pause();
      waitlist.pause();
      byId("checkout").hidden = false;
      checkout.prefill();
    });
    this.selection.frozen = false;
    this.selection.replace(seats);
    this.selection.frozen = true;
    this.tray.renderHold(hold);
    this.#stage();
    byId("release-button").hidden = false;
    byId("extend-button").hidden = Number(this.main.dataset.extensions) === 0;
    this.map.showSeats(seats.filter((seat) => !this.plan.sectionOf(seat).isArea));
    const split = hold.next_to_each_other === false && hold.step === "split";
    const text = split ? ` ${say("held_split")}` : "";
    this.tray.say(say("held") + text, { focus: true });
  }

  #over({ reason, hold }) {
    const seats = this.#seatsOf(hold);
    this.seats.learn(seats.map((seat) => [seat, FREE]));
    this.selection.frozen = false;
    this.selection.replace([]);
    byId("checkout").hidden = true;
    byId("release-button").hidden = true;
    byId("extend-button").hidden = true;
    this.#stage();
    const names = this.#names(seats);
    this.tray.say(say(reason, { seats: names }), { focus: true });
    // The guess above is corrected by the server at once.
    this.live.refresh();
    this.beside.then(({ room, waitlist }) => {
      room.resume();
      waitlist.start();
    });
  }

  async #release() {
    if (this.#busy || this.desk.hold === null) return;
    this.#setBusy(true, byId("release-button"));
    try {
      await this.desk.release();
    } catch (problem) {
      this.tray.say(describe(problem), { focus: true });
    } finally {
      this.#setBusy(false, byId("release-button"));
    }
  }

  async #extend() {
    if (this.#busy || this.desk.hold === null) return;
    this.#setBusy(true, byId("extend-button"));
    try {
      await this.desk.extend();
      this.tray.say(say("extended"), { focus: true });
    } catch (problem) {
      if (problem?.status >= 400 && problem.status < 429) byId("extend-button").hidden = true;
      const text = problem?.status === 409 ? say("extend_no") : describe(problem);
      this.tray.say(text, { focus: true });
    } finally {
      this.#setBusy(false, byId("extend-button"));
    }
  }

  #seatsOf(hold) {
    return hold.seats.map(({ id }) => this.plan.find(id)).filter((seat) => seat !== undefined);
  }

  #names(seats) {
    const counts = new Map();
    for (const seat of seats) {
      const name = this.plan.name(seat);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const text = ([name, n]) => (n === 1 ? name : `${name} × ${n}`);
    return Array.from(counts, text).join("; ");
  }

  #setBusy(busy, button) {
    this.#busy = busy;
    button.setAttribute("aria-disabled", String(busy));
    button.toggleAttribute("data-busy", busy);
    if (!busy) this.#loseTaken();
  }
}

/** The codes that the visitor typed, as parts of a hold's body. */
function codes() {
  const typed = {};
  for (const name of ["promo_code", "presale_code"]) {
    const code = byId(name).value.trim();
    if (code !== "") typed[name] = code;
  }
  return typed;
}

/** The hall comes first: dates in words cost more than all its seats until Intl is warm. */
async function start() {
  const main = byId("main");
  const late = () => import("./event-late.js");
  try {
    // Closed and cancelled events have no map.
    if (document.getElementById("map-canvas") !== null) await startMap(main, late);
  } catch (problem) {
    console.error(problem);
    show(byId("map-wait"), say("map_failed"));
  } finally {
    localizeTimes(document);
    (await late()).dress();
  }
}

async function startMap(main, late) {
  const early = snapshotOf(main.dataset.event);
  const plan = new Plan(await callPlain(`/events/${segment(main.dataset.event)}/plan`));
  const page = new EventPage(main, plan, early);
  const seen = new Promise((done) => {
    page.seats.addEventListener("change", done, { once: true });
  });
  page.start();
  // In front of a waiting room the hall can wait.
  if ("room" in main.dataset) page.complete(late());
  // Not for long: where the seats cannot be had the page must be whole all the same.
  await Promise.race([seen, new Promise((done) => setTimeout(done, PATIENCE_MS))]);
  if (!("room" in main.dataset)) page.complete(late());
}

// A page that the browser took out of its memory after the payment page shows a past state.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
start();
