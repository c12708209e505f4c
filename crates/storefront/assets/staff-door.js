// Stewards: letting people in. A scanner types a code, the answer is large and without a sound;
// where the server cannot be asked, this device decides by key and list and sends it later.

import { cabinet, fill, section, trouble } from "./account.js";
import { call, newKey, segment } from "./api.js";
import { byId, make, show } from "./dom.js";
import { field, form } from "./forms.js";
import { keepTicketsOffline } from "./offline.js";
import { staffPage } from "./session.js";
import { Camera, hasCamera } from "./staff-doorcam.js";
import {
  DoorList, fromKeys, isSignedOut, parse, sendWaiting, serverAfter, wrongTime,
} from "./staff-doorlist.js";
import { takeDoor } from "./staff-doorlock.js";
import { clockTime, momentText } from "./when.js";
import { tell } from "./words-door.js";

/** How long somebody at the door waits for the server before the device decides, milliseconds. */
const ANSWER_WITHIN_MS = 3000;
/** How often counts, the list of void tickets and what waits are seen to, in milliseconds. */
const TEND_EVERY_MS = 15_000;
const LATEST_MAX = 12;

/** Whether the page lets people in just now. */
const isOpen = () => document.getElementById("door-form") !== null;

class Door {
  #scans = Promise.resolve();
  #server = navigator.onLine ? "online" : "offline";
  #camera = null;
  #sending = false;

  constructor(list, events) {
    this.list = list;
    this.events = events;
  }

  /** Another tab is the door from now on. */
  leave() {
    this.#camera?.stop();
    this.list.leave();
  }

  /** Which event and which door: asked once, kept on this device. */
  setup() {
    this.#camera?.stop();
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
    this.#camera?.stop();
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
    await this.#offerCamera(scan.querySelector(".actions"));
    await this.tend();
  }

  async #offerCamera(actions) {
    if (!await hasCamera()) return;
    const camera = new Camera((code) => this.scan(code));
    this.#camera = camera;
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
        // The door may have been left while the browser asked for leave.
        if (!camera.video.isConnected) camera.stop();
        button.textContent = tell("camera_stop");
      } catch {
        camera.stop();
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
    if (!isOpen()) return;
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
      if (isSignedOut(problem)) {
        this.#server = "sign_in";
        this.#told(scan, { status: "refused", isSignedOut: true });
      } else {
        console.error(problem);
        this.#told(scan, { status: "refused", reason: "no_key" });
      }
    }
    this.#standing();
  }

  async #ask(scan) {
    if (navigator.onLine) {
      try {
        const post = (body) => call("POST", "/checkins",
          { body, once: true, withinMs: ANSWER_WITHIN_MS });
        const answer = await post(scan).catch((problem) => {
          if (wrongTime(problem) < 0) throw problem;
          // This device's clock is wrong: the server's holds.
          return post({ ...scan, at: undefined });
        });
        this.#server = "online";
        this.list.heard(scan, answer);
        return { ...answer, seat: parse(scan.code)?.seat };
      } catch (problem) {
        // Only what was not decided may be decided here.
        if (problem?.status !== 0 && !(problem?.status >= 500)) throw problem;
      }
    }
    this.#server = "offline";
    if (this.list.isFull) return { status: "refused", full: true };
    return { ...await this.list.decide(scan), isOwn: true };
  }

  #told(scan, answer) {
    const isIn = answer.status === "admitted";
    const lines = [];
    if (answer.seat) lines.push(answer.seat);
    if (answer.isSignedOut) lines.push(tell("sign_in"));
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
    this.state.textContent = tell(this.#server);
    this.state.className = `badge badge-${this.#server === "online" ? "valid" : "refund_pending"}`;
    const { waiting, refused, asOf } = this.list.kept;
    const parts = [waiting.length > 0 ? tell("waiting", { n: waiting.length })
      : tell("waiting_none")];
    if (refused.length > 0) parts.push(tell("upload_refused", { n: refused.length }));
    this.pending.dataset.waiting = waiting.length;
    if (this.pending.textContent !== parts.join(" ")) show(this.pending, parts.join(" "));
    const known = tell("void_list", { n: this.list.voidCount });
    const at = asOf ? tell("as_of", { time: momentText(asOf) }) : "";
    show(this.void, `${known} ${at}`.trim());
  }

  /** Sends what waits, asks for void tickets and counts. */
  async tend() {
    if (this.#sending) return;
    if (!navigator.onLine) {
      this.#server = "offline";
      this.#standing();
      return;
    }
    this.#sending = true;
    const { eventId } = this.list.kept;
    const outcomes = await Promise.allSettled([this.#send(), this.#hear(eventId)]);
    this.#sending = false;
    const problems = outcomes.filter(({ status }) => status === "rejected")
      .map(({ reason }) => reason);
    for (const problem of problems) if (problem?.status === undefined) console.error(problem);
    this.#server = serverAfter(problems);
    this.#standing();
    // The door is for another event by now, and knows nothing of it yet.
    if (this.list.kept.eventId !== eventId) await this.tend();
  }

  /** Asks for void tickets and counts of an event; what comes for another one is dropped. */
  async #hear(eventId) {
    const path = `/events/${segment(eventId)}`;
    const [, counts] = await Promise.all([
      call("GET", `${path}/revocations`, { once: true })
        .then((answer) => this.list.learn(eventId, answer)),
      call("GET", `${path}/checkins`, { once: true })]);
    if (this.list.kept.eventId !== eventId) return;
    this.counts.replaceChildren(...["used", "refused", "conflicts"].map((name) =>
      make("div", {}, make("dt", {}, tell(`count_${name}`)),
        make("dd", { id: `door-${name}` }, counts[name].toLocaleString()))));
  }

  /** Sends what this device decided by itself. */
  #send() {
    const ask = async (scans) => {
      const body = { scans };
      return (await call("POST", "/checkins/batch", { body, again: true })).items;
    };
    return sendWaiting(this.list, ask, (n) => {
      this.latest.prepend(make("li", { className: "error" }, tell("upload_conflicts", { n })));
    });
  }
}

/** The door of this tab; null while another tab of the device has it. */
let door = null;

/** Another tab has the door: says so, and offers to take it. */
function elsewhere() {
  const take = make("button", { type: "button", className: "primary" }, tell("take_over"));
  take.addEventListener("click", () => begin(true).catch(trouble));
  fill(section(tell("elsewhere"), make("p", {}, tell("elsewhere_text")),
    make("div", { className: "actions" }, take)));
}

/** Another tab took the door: nothing is decided or written here any more. */
function lost() {
  door?.leave();
  door = null;
  elsewhere();
}

async function begin(steal = false) {
  if (!await takeDoor(lost, steal)) {
    elsewhere();
    return;
  }
  // Read only now: what the tab before has written last is in it.
  const list = new DoorList();
  const known = list.kept.eventId === null ? []
    : [{ id: list.kept.eventId, name: list.kept.eventName ?? list.kept.eventId }];
  const ask = () => call("GET", "/events?limit=100", { once: true });
  const events = navigator.onLine
    ? await ask().then(({ items }) => items).catch(() => known) : known;
  door = new Door(list, events);
  if (list.kept.eventId === null || list.kept.gate === "") door.setup();
  else await door.open();
}

async function build(me) {
  keepTicketsOffline();
  if (me.role === "steward") {
    for (const way of document.querySelectorAll(".ways a:not([aria-current])")) way.remove();
  }
  const tend = () => isOpen() && door?.tend();
  setInterval(tend, TEND_EVERY_MS);
  addEventListener("online", tend);
  // A scanner types wherever the focus is; where that is nowhere, it is meant for the field.
  document.addEventListener("keydown", (event) => {
    if (isOpen() && document.activeElement === document.body && event.key.length === 1) {
      byId("door-code").focus();
    }
  });
  await begin();
}

cabinet(build, (role) => staffPage(role) !== null);
