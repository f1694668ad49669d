// What the widget says in English.

import { en } from "../room/words.en";
import type { Say } from "./say";

export const say: Say = {
  language: "en",
  room: en,
  close: "Close",
  name: "Your name",
  enter: "Enter",
  again: "Sign in again",
  ended: "You were signed out.",
  refused: "This room cannot be opened.",
  badName: "This name cannot be used. Choose another.",
};
