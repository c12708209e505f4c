// Money as the API writes it: {"value":"3500.00","currency":"RUB"}. Pure; exact, never a float sum.

import { locale, remembered } from "./messages.js";

/** The sum of `amounts` (one currency), or null for none. */
export function sum(amounts) {
  if (amounts.length === 0) return null;
  const places = Math.max(...amounts.map(({ value }) => (value.split(".")[1] ?? "").length));
  const minor = amounts.reduce((total, { value }) => total + toMinor(value, places), 0n);
  return { value: fromMinor(minor, places), currency: amounts[0].currency };
}

/** Whether the amount is zero. */
export function isNothing({ value }) {
  return !/[1-9]/.test(value);
}

/** `amount` for people: 3 500 ₽, ₽3,500; a zero fraction is left out. */
export function moneyText(amount, language = locale) {
  const whole = !/\.\d*[1-9]/.test(amount.value);
  return formatOf(language, amount.currency, whole).format(Number(amount.value));
}

const formatOf = remembered((language, currency, whole) => new Intl.NumberFormat(language, {
  style: "currency", currency, currencyDisplay: "narrowSymbol",
  ...(whole ? { minimumFractionDigits: 0, maximumFractionDigits: 0 } : {}),
}));

function toMinor(value, places) {
  const [whole, fraction = ""] = value.split(".");
  return BigInt(whole + fraction.padEnd(places, "0"));
}

function fromMinor(minor, places) {
  if (places === 0) return String(minor);
  const digits = String(minor).padStart(places + 1, "0");
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}
