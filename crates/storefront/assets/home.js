// Pages to look round: dates in words, countdowns, who is signed in.

import { countDown } from "./saleclock.js";
import { localizeTimes } from "./when.js";
import { showWho } from "./who.js";

localizeTimes(document);
countDown();
showWho();
