// The words of versions of papers.

import { computed } from "../../ui/signals";
import { language } from "../../words";
import { type VersionsWords, versionsEn } from "./words.en";
import { versionsKo } from "./words.ko";

export const versionsWords = computed<VersionsWords>(() => (language.value === "ko" ? versionsKo : versionsEn));
