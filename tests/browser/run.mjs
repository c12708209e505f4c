// Runs the browser tests against a running shop, all of them or the short form. Started by the
// end-to-end tests, which say where the shop, its files, Chromium and the tools are.

import { budgets } from "./budgets.mjs";
import { doors } from "./door.mjs";
import { finish } from "./harness.mjs";
import { people, peopleInShort } from "./people.mjs";
import { shop, shopInShort } from "./shop.mjs";
import { staff } from "./staff.mjs";
import { waiting } from "./waiting.mjs";

if (process.env.SEATGRID_BROWSER_ALL) {
  await shop();
  await people();
  await waiting();
  await doors();
  await staff();
  await budgets();
} else {
  await shopInShort();
  await peopleInShort();
}
await finish();
