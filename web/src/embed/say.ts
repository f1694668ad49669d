// What the widget says: of the room inside, and around it. One file for each language, loaded when the element speaks it.

import type { Language, Words } from "../room/words";

export interface Say {
  language: Language;
  room: Words;
  close: string;
  name: string;
  enter: string;
  again: string;
  ended: string;
  refused: string;
  badName: string;
}

export async function sayIn(language: Language): Promise<Say> {
  return (await (language === "ko" ? import("./say.ko") : import("./say.en"))).say;
}
