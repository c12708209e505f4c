// The door's camera, where the browser can find codes in pictures: it hands on what it sees, once.

import { make } from "./dom.js";

/** How often a picture is looked at, in milliseconds. */
const LOOK_MS = 200;
/** A code that stays in view is one scan; it counts again after this long out of view. */
const AGAIN_MS = 3000;

/** Whether this browser finds QR codes in pictures. */
export async function hasCamera() {
  if (!("BarcodeDetector" in globalThis) || !navigator.mediaDevices?.getUserMedia) return false;
  const forms = await globalThis.BarcodeDetector.getSupportedFormats().catch(() => []);
  return forms.includes("qr_code");
}

export class Camera {
  #stream = null;
  #timer = null;
  #seen = new Map();

  /** `onCode(text)` is called for each code that comes into view. */
  constructor(onCode) {
    this.onCode = onCode;
    this.video = make("video", { className: "door-video", muted: true, playsInline: true });
  }

  get isOn() {
    return this.#stream !== null;
  }

  /** Asks for the camera; throws where it is refused. */
  async start() {
    this.#stream = await navigator.mediaDevices.getUserMedia(
      { video: { facingMode: "environment" }, audio: false });
    this.video.srcObject = this.#stream;
    await this.video.play();
    const detector = new globalThis.BarcodeDetector({ formats: ["qr_code"] });
    const look = async () => {
      for (const { rawValue } of await detector.detect(this.video).catch(() => [])) {
        const now = performance.now();
        const before = this.#seen.get(rawValue) ?? -AGAIN_MS;
        this.#seen.set(rawValue, now);
        if (now - before >= AGAIN_MS) this.onCode(rawValue);
      }
      if (this.isOn) this.#timer = setTimeout(look, LOOK_MS);
    };
    look();
  }

  stop() {
    clearTimeout(this.#timer);
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.video.srcObject = null;
    this.#seen.clear();
  }
}
