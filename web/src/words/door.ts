// The words of the door, and of what went wrong.

import { computed } from "../ui/signals";
import { type DoorWords, doorEn } from "./door.en";
import { doorKo } from "./door.ko";
import { language } from "./index";

export const door = computed<DoorWords>(() => (language.value === "ko" ? doorKo : doorEn));
