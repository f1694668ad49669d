// All that a first visit needs of this language.

import { ko as room } from "../room/words.ko";
import type { Pack } from "./index";
import { ko as words } from "./ko";

export const pack: Pack = { words, room };
