// The first page needs its dates in words, nothing else.

import { localizeTimes } from "./when.js";

localizeTimes(document);
