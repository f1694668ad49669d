// The words of the operator's page in the language in use.

import { computed } from "../ui/signals";
import { language } from "../words";
import { en, type Words } from "./words.en";
import { ko } from "./words.ko";

export const words = computed<Words>(() => (language.value === "ko" ? ko : en));
