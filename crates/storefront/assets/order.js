// The order's page: follows the server's truth from payment to tickets. What an address or a
// payment page claims is never believed.

import { call, Intent, segment } from "./api.js";
import { Clock } from "./clock.js";
import { announce, byId, make, show, whileBusy } from "./dom.js";
import { keepOrder, keptOrder } from "./keep.js";
import { say } from "./messages.js";
import { moneyText } from "./money.js";
import { keepTicketsOffline } from "./offline.js";
import { canPay, hasTickets, nextQuestionMs, QUESTIONS_MAX, stateOf } from "./orderstate.js";
import { isWebAddress, orderPage, startPayment } from "./pay.js";
import { describe } from "./problem.js";
import { eventDetails, fetchTickets, ticketCard, ticketSeat } from "./tickets.js";
import { timelineOf } from "./timeline.js";
import { feeLines, seatLine } from "./tray.js";
import { momentText } from "./when.js";
import { showWho } from "./who.js";

/** Tickets follow the payment by a moment; asked this often at most, with growing pauses. */
const TICKET_QUESTIONS_MAX = 20;
const TICKET_PAUSE_MS = 500;
/** Pause after a question that got no answer, in milliseconds. */
const TROUBLE_MS = 5000;

class OrderPage {
  #asked = 0;
  #timer = null;
  #asking = false;
  #shown = "";
  #eventId = null;
  #event = null;
  #ticketsShown = 0;
  #answer = new Intent();
  #offer = null;

  constructor(main) {
    this.id = main.dataset.order;
    this.provider = main.dataset.provider;
    this.kept = keptOrder(this.id);
    this.clock = new Clock(() => this.ask());
    byId("pay").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#pay(event.target.elements.method.value);
    });
    for (const [id, accept] of [["offer-accept", true], ["offer-decline", false]]) {
      byId(id).addEventListener("click", (event) => this.#answerOffer(accept, event.target));
    }
    byId("print").addEventListener("click", () => print());
    byId("check-again").addEventListener("click", () => {
      this.#asked = 0;
      this.ask();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.ask();
    });
  }

  /** Reads the order and shows it; then waits as long as its state asks for. */
  async ask() {
    if (this.#asking) return;
    this.#asking = true;
    clearTimeout(this.#timer);
    const fromMs = performance.now();
    try {
      const order = await call("GET", `/orders/${segment(this.id)}`, { token: this.kept?.token });
      show(byId("state-error"), null);
      this.#show(order, fromMs);
      this.#later(nextQuestionMs(order, this.#asked));
    } catch (problem) {
      this.#trouble(problem);
    } finally {
      this.#asking = false;
    }
  }

  #later(pauseMs) {
    this.#asked += 1;
    byId("check-again").hidden = true;
    if (pauseMs === null) return;
    if (this.#asked < QUESTIONS_MAX) {
      this.#timer = setTimeout(() => this.ask(), pauseMs);
      return;
    }
    byId("check-again").hidden = false;
    show(byId("state-error"), say("order_paused"));
  }

  #trouble(problem) {
    if (problem?.status === undefined) console.error(problem);
    const foreign = [401, 403, 404].includes(problem?.status);
    show(byId("state-error"), say(foreign ? "problem_order_not_found" : "problem_busy"));
    if (foreign) {
      byId("state").dataset.state = "foreign";
      byId("state-title").textContent = say("order_unknown");
      return;
    }
    byId("check-again").hidden = false;
    this.#timer = setTimeout(() => this.ask(), TROUBLE_MS);
  }

  #show(order, fromMs) {
    const state = stateOf(order);
    this.#contents(order);
    this.#offered(order);
    this.#countdown(order, state, fromMs);
    if (this.kept !== null && order.status !== "pending_payment") {
      keepOrder(this.id, { open: false });
    }
    if (hasTickets(state)) this.#tickets(order);
    if (state === this.#shown) return;
    this.#shown = state;
    import("./told.js").then(({ showTold }) => showTold(this.id, this.kept?.token));
    byId("state").dataset.state = state;
    byId("state-title").textContent = say(`order_${state}`);
    announce(say(`order_${state}`));
    byId("pay").hidden = !canPay(state);
    const text = say(`order_${state}_text`, { status: order.status });
    byId("state-text").replaceChildren(text, ...this.#wayOn(state, order));
  }

  /** The link that helps in a state, if there is one. */
  #wayOn(state, order) {
    if (state === "confirming" && isWebAddress(this.kept?.payUrl)) {
      return [" ", make("a", { href: this.kept.payUrl }, say("continue_payment"))];
    }
    if (state === "expired" || state === "cancelled") {
      return [" ", make("a", { href: `/events/${segment(order.event_id)}` }, say("choose_again"))];
    }
    return [];
  }

  #countdown(order, state, fromMs) {
    const waiting = canPay(state) || state === "confirming";
    const left = order.offer?.expires_in ?? (waiting ? order.expires_in : 0);
    if (left > 0) this.clock.start(left, fromMs);
    else this.clock.stop();
  }

  /** Other seats for money that came when the order's own were taken. */
  #offered(order) {
    this.#offer = order.offer ?? null;
    byId("offer").hidden = this.#offer === null;
    const seats = this.#offer?.seats ?? [];
    byId("offer-seats").replaceChildren(...seats.map((seat) => seatLine(null, seat)));
  }

  async #answerOffer(accept, button) {
    if (this.#offer === null) return;
    const path = `/payments/${segment(this.#offer.payment_id)}/offer`;
    await whileBusy(button, async () => {
      try {
        await this.#answer.post(path, { token: this.kept?.token, body: { accept } });
        show(byId("state-error"), null);
      } catch (problem) {
        show(byId("state-error"), describe(problem));
      }
      this.#asked = 0;
    });
    this.ask();
  }

  #contents(order) {
    byId("contents").hidden = false;
    const lines = order.seats.map((seat) => seatLine(null, seat));
    byId("order-seats").replaceChildren(...lines, ...feeLines(order.fees));
    byId("order-total").textContent = order.total ? moneyText(order.total) : "";
    byId("history").hidden = false;
    byId("timeline").replaceChildren(...timelineOf(order).map(({ at, text }) => make("li", {}, text,
      ...(at ? [make("span", { className: "muted small" }, momentText(at))] : []))));
    if (this.#eventId === order.event_id) return;
    this.#eventId = order.event_id;
    this.#loadEvent(order.event_id);
  }

  /** Name, time and place are pleasant to have; the order stands without them. */
  async #loadEvent(eventId) {
    this.#event = call("GET", `/events/${segment(eventId)}`).catch(() => null);
    const event = await this.#event;
    const text = [event?.name, eventDetails(event)].filter(Boolean).join(" · ");
    show(byId("order-event"), text);
  }

  /** Shows the tickets once all are there; until then says that they are coming. */
  async #tickets(order) {
    if (this.#ticketsShown > 0) return;
    this.#ticketsShown = order.seats.length;
    byId("tickets").hidden = false;
    byId("ticket-list").replaceChildren(make("li", { className: "muted" }, say("tickets_soon")));
    for (let asked = 1; asked <= TICKET_QUESTIONS_MAX; asked += 1) {
      const tickets = await fetchTickets(this.id, this.kept?.token).catch(() => []);
      if (tickets.length > 0) {
        const event = await this.#event;
        byId("ticket-list").replaceChildren(...tickets.map((ticket) =>
          this.#ticket(ticket, order, event)));
        byId("print").hidden = false;
        return;
      }
      await new Promise((done) => setTimeout(done, TICKET_PAUSE_MS * Math.min(asked, 10)));
    }
    this.#ticketsShown = 0;
    byId("check-again").hidden = false;
  }

  #ticket(ticket, order, event) {
    const href = `${orderPage(this.id)}/tickets/${segment(ticket.id)}`;
    const text = say("ticket_open", { seat: ticketSeat(ticket, order) });
    const link = make("a", { className: "no-print", href }, text);
    return make("li", {}, ticketCard(ticket, order, event, "h3"), link);
  }

  async #pay(method) {
    await whileBusy(byId("pay").querySelector("[type=submit]"), async () => {
      try {
        await startPayment({ id: this.id, token: this.kept?.token }, this.provider, method);
      } catch (problem) {
        show(byId("state-error"), describe(problem));
        this.ask();
      }
    });
  }
}

keepTicketsOffline();
showWho();
new OrderPage(byId("main")).ask();
