// What an event's page needs beside its hall: the waiting room and list, the way to pay, the time
// until the sale, who is signed in. Fetched once the seats are seen, so that they are seen early.

import { Checkout } from "./checkout.js";
import { Room } from "./room.js";
import { countDown } from "./saleclock.js";
import { Waitlist } from "./waitlist.js";
import { showWho } from "./who.js";

/** What every event's page has, with seats or without. */
export function dress() {
  countDown();
  showWho();
}

/** {room, waitlist, checkout} of a page with seats; `main` carries its data, `desk` its holds. */
export function beside({ main, plan, selection, desk }) {
  const eventId = main.dataset.event;
  const checkout = new Checkout(desk, main.dataset.provider);
  const waitlist = new Waitlist({ eventId, tiers: plan.tiers, desk, max: selection.max,
    isOffered: "waitlist" in main.dataset });
  const room = new Room({ eventId, zone: document.querySelector(".facts time")?.dataset.zone,
    stage: (name) => {
      main.dataset.room = name;
    },
    onClosed: (hasList) => hasList && waitlist.open() });
  room.start();
  waitlist.start();
  return { room, waitlist, checkout };
}
