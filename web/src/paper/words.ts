// The words of papers.

import { computed } from "../ui/signals";
import { language } from "../words";
import { type PaperWords, paperEn } from "./words.en";
import { paperKo } from "./words.ko";

export const paperWords = computed<PaperWords>(() => (language.value === "ko" ? paperKo : paperEn));
