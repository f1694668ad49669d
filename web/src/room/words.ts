// The words of a room: their shape, and how a component gets those of its language. The widget takes only these, not the page's.

import { createContext } from "preact";
import { useContext } from "preact/hooks";

export type Language = "en" | "ko";
type Value = (value: string) => string;
type Count = (n: number) => string;

/** What a room says from the start. A key that a dictionary lacks does not compile. */
export interface Words {
  messagesIn: Value;
  article: (name: string, time: string) => string;
  newMessages: string;
  sendAgain: string;
  discard: string;
  message: string;
  addEmoji: string;
  send: string;
  editMessage: string;
  save: string;
  deleted: string;
  /** Who has no name any more. */
  deletedUser: string;
  sending: string;
  notSent: string;
  empty: string;
  start: string;
  loading: string;
  tooLong: Count;
  left: Count;
  badText: Count;
  pinned: string;
}

export interface Speech {
  language: Language;
  words: Words;
  hour12: boolean | undefined;
}

export const SpeechContext = createContext<Speech | null>(null);

/** Return the language and the words of the room that a component is part of. */
export function useSpeech(): Speech {
  const speech = useContext(SpeechContext);
  if (!speech) throw new Error("no SpeechContext");
  return speech;
}

const numbers = new Map<Language, Intl.NumberFormat>();

/** Return a number as the language writes it. */
export function counted(language: Language, n: number): string {
  let format = numbers.get(language);
  if (!format) {
    format = new Intl.NumberFormat(language);
    numbers.set(language, format);
  }
  return format.format(n);
}
