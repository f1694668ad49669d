// All that a first visit needs of this language.

import { en as room } from "../room/words.en";
import { en as words } from "./en";
import type { Pack } from "./index";

export const pack: Pack = { words, room };
