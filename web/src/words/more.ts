// The words of what is loaded later: dialogs and panels.

import { computed } from "../ui/signals";
import { language } from "./index";
import { type MoreWords, moreEn } from "./more.en";
import { moreKo } from "./more.ko";

export const more = computed<MoreWords>(() => (language.value === "ko" ? moreKo : moreEn));
