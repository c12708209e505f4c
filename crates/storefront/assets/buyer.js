// Checks the buyer's details before they are sent. Pure; the server checks again and has the word.

/** The names of the fields that are not right, in the order of the form. */
export function wrongFields({ name, email, phone, consent }) {
  const wrong = [];
  if (name.trim() === "") wrong.push("name");
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email.trim())) wrong.push("email");
  if (!/^\+?[\d\s().-]+$/.test(phone.trim()) || digits(phone) < 10 || digits(phone) > 15) {
    wrong.push("phone");
  }
  if (!consent) wrong.push("consent");
  return wrong;
}

/** The field of the form behind a JSON pointer of the server's complaint, or null. */
export function fieldOfPointer(pointer) {
  const match = /^\/(?:buyer\/(name|email|phone)|(consents))(?:\/|$)/.exec(pointer);
  if (match === null) return null;
  return match[1] ?? "consent";
}

function digits(text) {
  return text.replace(/\D/g, "").length;
}
