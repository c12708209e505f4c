// Stewards: letting people in. A scanner types a code, the answer is large and without a sound;
// where the server cannot be asked, this device decides by key and list and sends it later.

import { cabinet, fill, section } from "./account.js";
import { call, newKey, segment } from "./api.js";
import { byId, make, show } from "./dom.js";
import { field, form } from "./forms.js";
import { keepTicketsOffline } from "./offline.js";
import { staffPage } from "./session.js";
import { Camera, hasCamera } from "./staff-doorcam.js";
import { DoorList, fromKeys, parse } from "./staff-doorlist.js";
import { clockTime, momentText } from "./when.js";
import { tell } from "./words-door.js";

/** How long somebody at the door waits for the server before the device decides, milliseconds. */
const ANSWER_WITHIN_MS = 3000;
/** How often counts, the list of void tickets and what waits are seen to, in milliseconds. */
const TEND_EVERY_MS = 15_000;
const BATCH_MAX = 100;
const LATEST_MAX = 12;

class Door {
  #scans = Promise.resolve();
  #online = navigator.onLine;
  #sending = false;

  constructor(list, events) {
    this.list = list;
    this.events = events;
  }

  /** Which event and which door: asked once, kept on this device. */
  setup() {
    const { eventId, gate } = this.list.kept;
    const options = this.events.map(({ id, name, starts_at: at }) =>
      [id, [name, momentText(at)].filter(Boolean).join(" · ")]);
    if (options.length === 0) {
      fill(section(tell("setup"), make("p", {}, tell("no_events"))));
      return;
    }
    const which = field({ name: "event", label: tell("event"), type: "select", options,
      value: options.some(([id]) => id === eventId) ? eventId : options[0][0] });
    const where = field({ name: "gate", label: tell("gate"), hint: tell("gate_hint"), value: gate,
      set: { maxLength: 64, autocomplete: "off" } });
    fill(section(tell("setup"), form({ fields: [which, where], submit: tell("begin"),
      onSubmit: async ({ event, gate: name }) => {
        this.list.set(event, name, this.events.find(({ id }) => id === event)?.name);
        await this.open();
      } })));
  }

  async open() {
    const { eventId, gate } = this.list.kept;
    const name = this.events.find(({ id }) => id === eventId)?.name ?? eventId;
    this.field = make("input", { type: "text", id: "door-code", autocomplete: "off",
      autocapitalize: "off", spellcheck: false, maxLength: 600,
      "aria-describedby": "door-code-hint" });
    this.result = make("div", { id: "door-result", className: "door-result", role: "alert" });
    this.state = make("p", { id: "door-state", className: "badge", role: "status" });
    this.counts = make("dl", { id: "door-counts", className: "facts-list" });
    this.pending = make("p", { id: "door-pending", role: "status" });
    this.void = make("p", { id: "door-void", className: "muted small" });
    this.latest = make("ol", { id: "door-latest", className: "door-latest" },
      make("li", { className: "muted" }, tell("latest_none")));
    const scan = make("form", { id: "door-form", noValidate: true },
      make("label", { htmlFor: "door-code" }, tell("code")), this.field,
      make("p", { className: "hint", id: "door-code-hint" }, tell("code_hint")),
      make("div", { className: "actions" },
        make("button", { type: "submit", className: "primary" }, tell("check"))));
    scan.addEventListener("submit", (event) => {
      event.preventDefault();
      const code = fromKeys(this.field.value);
      this.field.value = "";
      this.field.focus();
      if (code !== "") this.scan(code);
    });
    const again = make("button", { type: "button", className: "quiet" }, tell("change"));
    again.addEventListener("click", () => this.setup());
    const send = make("button", { type: "button", className: "quiet", id: "door-send" },
      tell("send"));
    send.addEventListener("click", () => this.tend());
    fill(make("section", { className: "panel door" },
      make("div", { className: "door-head" }, make("h2", {}, `${name} · ${gate}`), this.state),
      this.result, scan),
    section(tell("latest"), this.latest),
    make("section", { className: "panel" }, this.counts, this.pending, this.void,
      make("div", { className: "actions" }, send, again)));
    this.#idle();
    this.field.focus();
    await this.#camera(scan.querySelector(".actions"));
    await this.tend();
  }

  async #camera(actions) {
    if (!await hasCamera()) return;
    const camera = new Camera((code) => this.scan(code));
    const button = make("button", { type: "button", className: "quiet" }, tell("camera"));
    button.addEventListener("click", async () => {
      if (camera.isOn) {
        camera.stop();
        camera.video.remove();
        button.textContent = tell("camera");
        return;
      }
      try {
        actions.before(camera.video);
        await camera.start();
        button.textContent = tell("camera_stop");
      } catch {
        camera.video.remove();
        button.replaceWith(make("p", { className: "hint" }, tell("camera_no")));
      }
    });
    actions.append(button);
  }

  #idle() {
    this.result.dataset.status = "idle";
    this.result.replaceChildren(make("p", { className: "door-word" }, tell("ready")));
  }

  /** One ticket after the other: what is shown meanwhile waits for its turn. */
  scan(code) {
    this.#scans = this.#scans.then(() => this.#decide(code));
  }

  /** The server's answer, or this device's own where there is none. */
  async #decide(code) {
    this.result.dataset.status = "asking";
    this.result.replaceChildren(make("p", { className: "door-word" }, tell("wait")));
    const { eventId, gate } = this.list.kept;
    const scan = { code, gate, nonce: newKey(), at: new Date().toISOString(), event_id: eventId };
    try {
      this.#told(scan, await this.#ask(scan));
    } catch (problem) {
      console.error(problem);
      this.#told(scan, { status: "refused", reason: "no_key" });
    }
    this.#standing();
  }

  async #ask(scan) {
    if (navigator.onLine) {
      try {
        const answer = await call("POST", "/checkins",
          { body: scan, once: true, withinMs: ANSWER_WITHIN_MS });
        this.#online = true;
        if (answer.status === "admitted") {
          this.list.noteUsed(answer.ticket_id, scan.at, scan.gate);
        }
        return { ...answer, seat: parse(scan.code)?.seat };
      } catch (problem) {
        // Only what was not decided may be decided here.
        if (problem?.status !== 0 && !(problem?.status >= 500)) throw problem;
      }
    }
    this.#online = false;
    if (this.list.isFull) return { status: "refused", full: true };
    return { ...await this.list.decide(scan), isOwn: true };
  }

  #told(scan, answer) {
    const isIn = answer.status === "admitted";
    const lines = [];
    if (answer.seat) lines.push(answer.seat);
    if (answer.full) lines.push(tell("full"));
    if (answer.reason) lines.push(tell(`reason_${answer.reason}`));
    if (answer.conflict) lines.push(tell("conflict"));
    if (answer.first && !isIn) {
      lines.push(tell("first", { time: clockTime(answer.first.at), gate: answer.first.gate }));
    }
    if (answer.isOwn) lines.push(tell("by_key"));
    this.result.dataset.status = answer.status;
    const word = tell(isIn ? "admitted" : "refused");
    this.result.replaceChildren(make("p", { className: "door-word" }, word),
      ...lines.map((text) => make("p", {}, text)));
    this.latest.querySelector(".muted")?.remove();
    const line = make("li", {}, make("strong", {}, word), " ", lines.join(" "),
      make("span", { className: "muted small" }, clockTime(scan.at)));
    line.dataset.status = answer.status;
    this.latest.prepend(line);
    while (this.latest.childElementCount > LATEST_MAX) this.latest.lastElementChild.remove();
  }

  #standing() {
    this.state.textContent = tell(this.#online ? "online" : "offline");
    this.state.className = `badge badge-${this.#online ? "valid" : "refund_pending"}`;
    const { waiting, refused, revoked, asOf } = this.list.kept;
    const parts = [waiting.length > 0 ? tell("waiting", { n: waiting.length })
      : tell("waiting_none")];
    if (refused.length > 0) parts.push(tell("upload_refused", { n: refused.length }));
    this.pending.dataset.waiting = waiting.length;
    if (this.pending.textContent !== parts.join(" ")) show(this.pending, parts.join(" "));
    const known = tell("void_list", { n: Object.keys(revoked).length });
    const at = asOf ? tell("as_of", { time: momentText(asOf) }) : "";
    show(this.void, `${known} ${at}`.trim());
  }

  /** Sends what waits, asks for void tickets and counts. */
  async tend() {
    if (this.#sending) return;
    if (!navigator.onLine) {
      this.#online = false;
      this.#standing();
      return;
    }
    this.#sending = true;
    const path = `/events/${segment(this.list.kept.eventId)}`;
    try {
      await this.#send();
      const [revocations, counts] = await Promise.all([
        call("GET", `${path}/revocations`, { once: true }),
        call("GET", `${path}/checkins`, { once: true })]);
      this.#online = true;
      this.list.learn(revocations);
      this.counts.replaceChildren(...["used", "refused", "conflicts"].map((name) =>
        make("div", {}, make("dt", {}, tell(`count_${name}`)),
          make("dd", { id: `door-${name}` }, counts[name].toLocaleString()))));
    } catch (problem) {
      if (problem?.status === undefined) console.error(problem);
      this.#online = false;
    } finally {
      this.#sending = false;
      this.#standing();
    }
  }

  /** Sends what this device decided by itself, the oldest first. */
  async #send() {
    for (let size = BATCH_MAX; this.list.kept.waiting.length > 0;) {
      const scans = this.list.next(size);
      try {
        const { items } = await call("POST", "/checkins/batch", { body: { scans }, again: true });
        this.list.sent(scans);
        const conflicts = items.filter(({ conflict }) => conflict).length;
        if (conflicts > 0) {
          this.latest.prepend(make("li", { className: "error" },
            tell("upload_conflicts", { n: conflicts })));
        }
      } catch (problem) {
        if (problem?.status !== 400 && problem?.status !== 422) throw problem;
        // One of them can never be taken: find it alone.
        if (scans.length === 1) this.list.putApart(scans[0]);
        size = 1;
      }
    }
  }
}

async function build(me) {
  keepTicketsOffline();
  if (me.role === "steward") {
    for (const way of document.querySelectorAll(".ways a:not([aria-current])")) way.remove();
  }
  const list = new DoorList();
  const known = list.kept.eventId === null ? []
    : [{ id: list.kept.eventId, name: list.kept.eventName ?? list.kept.eventId }];
  const ask = () => call("GET", "/events?limit=100", { once: true });
  const events = navigator.onLine
    ? await ask().then(({ items }) => items).catch(() => known) : known;
  const door = new Door(list, events);
  if (list.kept.eventId === null || list.kept.gate === "") door.setup();
  else await door.open();
  const isOpen = () => document.getElementById("door-form") !== null;
  setInterval(() => isOpen() && door.tend(), TEND_EVERY_MS);
  addEventListener("online", () => isOpen() && door.tend());
  // A scanner types wherever the focus is; where that is nowhere, it is meant for the field.
  document.addEventListener("keydown", (event) => {
    if (isOpen() && document.activeElement === document.body && event.key.length === 1) {
      byId("door-code").focus();
    }
  });
}

cabinet(build, (role) => staffPage(role) !== null);
