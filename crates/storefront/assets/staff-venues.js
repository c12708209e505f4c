// Staff: venues.

import { field } from "./forms.js";
import { shelf } from "./staff-shelf.js";
import { tell } from "./words-staff.js";

shelf({
  path: "/admin/venues",
  line: ({ city, address }) => [city, address].filter(Boolean).join(", "),
  fields: (venue) => [
    field({ name: "name", label: tell("name"), value: venue.name }),
    field({ name: "city", label: tell("city"), value: venue.city }),
    field({ name: "address", label: tell("address"), value: venue.address }),
    field({ name: "timezone", label: tell("timezone"), hint: tell("timezone_hint"),
      value: venue.timezone ?? "Europe/Moscow", wrong: tell("timezone_hint") }),
  ],
  body: (values) => values,
});
