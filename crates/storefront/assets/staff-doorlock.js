// One tab of a device is the door: two would overwrite each other's scans. Whoever opens the door
// has it until the tab is closed, or another tab takes it on purpose.

const NAME = "seatgrid.door";
/** A tab that is just being closed, or loaded anew, has let go by then, in milliseconds. */
const LET_GO_MS = 1500;

/** Takes the door for this tab; resolves with whether it has it. `steal` takes it from another tab.
 * `onLost` is told when another tab took it from here. */
export function takeDoor(onLost, steal = false, locks = globalThis.navigator?.locks) {
  // A browser without locks has one door as long as its people see to it.
  if (!locks) return Promise.resolve(true);
  return new Promise((done) => {
    let isOurs = false;
    const options = steal ? { steal } : { signal: AbortSignal.timeout(LET_GO_MS) };
    locks.request(NAME, options, () => {
      isOurs = true;
      done(true);
      return new Promise(() => {});
    }).catch(() => {
      if (isOurs) onLost();
      else done(false);
    });
  });
}
