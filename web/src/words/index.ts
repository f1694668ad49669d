// The language of the page and its words. Each language is a file of its own: nobody waits for the other one.

import type { Words as RoomWords } from "../room/words";
import { batch, computed, signal } from "../ui/signals";
import type { Words } from "./en";

export type Language = "en" | "ko";

export interface Pack {
  words: Words;
  /** Those of a room, which the widget has without the page's. */
  room: RoomWords;
}

const PACKS: Record<Language, () => Promise<{ pack: Pack }>> = {
  en: () => import("./pack.en"),
  ko: () => import("./pack.ko"),
};

/** Return the language for someone whose browser asks for these, the first of them that the page has. */
export function languageFor(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split(/[-_]/)[0];
    if (language === "ko" || language === "en") return language;
  }
  return "en";
}

/** The language in use. `Intl` is given this, never a tag of the browser's: some of those make it throw. */
export const language = signal<Language>("en");

const spoken = signal<Pack | null>(null);

/** Speak a language from when its words are there. */
export async function speak(wanted: Language): Promise<void> {
  const { pack } = await PACKS[wanted]();
  batch(() => {
    language.value = wanted;
    spoken.value = pack;
  });
  document.documentElement.lang = wanted;
}

const pack = () => {
  if (spoken.value === null) throw new Error("no words");
  return spoken.value;
};

export const words = computed<Words>(() => pack().words);
export const roomWords = computed<RoomWords>(() => pack().room);
