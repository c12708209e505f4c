// The wire form of the seat map: two bits a seat, in plan order, little end first. Pure.

export const FREE = 0;
export const HELD = 1;
export const SOLD = 2;
export const BLOCKED = 3;

const LETTERS = { f: FREE, h: HELD, s: SOLD, b: BLOCKED };

/** The status of each of `count` seats as a byte array; throws when the bytes are too few. */
export function decode(bytes, count) {
  if (bytes.length < Math.ceil(count / 4)) {
    throw new RangeError(`${bytes.length} bytes cannot hold ${count} seats`);
  }
  const statuses = new Uint8Array(count);
  for (let seat = 0; seat < count; seat += 1) {
    statuses[seat] = (bytes[seat >> 2] >> ((seat & 3) * 2)) & 3;
  }
  return statuses;
}

/** The status behind a delta's letter, or undefined for a letter of a later version. */
export function statusOfLetter(letter) {
  return Object.hasOwn(LETTERS, letter) ? LETTERS[letter] : undefined;
}
