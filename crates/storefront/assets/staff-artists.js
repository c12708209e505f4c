// Staff: artists.

import { field } from "./forms.js";
import { shelf } from "./staff-shelf.js";
import { tell } from "./words-staff.js";

/** `Title; 1999` a line. */
const worksText = (works) => works.map(({ title, year }) => `${title}; ${year}`).join("\n");

function works(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const at = line.lastIndexOf(";");
    const [title, year] = at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
    return { title: title.trim(), year: Number(year.trim() || 0) };
  });
}

shelf({
  path: "/admin/artists",
  line: ({ occupation, genre }) => [occupation, genre].filter(Boolean).join(" · "),
  fields: (artist) => [
    field({ name: "name", label: tell("name"), value: artist.name }),
    field({ name: "occupation", label: tell("occupation"), value: artist.occupation,
      optional: true }),
    field({ name: "genre", label: tell("genre"), value: artist.genre, optional: true }),
    field({ name: "bio", label: tell("bio"), type: "textarea", value: artist.bio, optional: true }),
    field({ name: "works", label: tell("works"), type: "textarea", hint: tell("works_hint"),
      value: worksText(artist.works ?? []), optional: true, wrong: tell("works_hint") }),
  ],
  body: ({ name, occupation, genre, bio, works: text }) => ({
    name, occupation: occupation || null, genre: genre || null, bio: bio.trim() || null,
    works: works(text),
  }),
});
