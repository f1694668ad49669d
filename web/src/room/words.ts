// The words of a room: their shape, and how a component gets those of its language. The widget takes only these, not the page's.

import { createContext } from "preact";
import { useContext } from "preact/hooks";

export type Language = "en" | "ko";
type Names = (names: readonly string[], others: number) => string;
type Value = (value: string) => string;
type Count = (n: number) => string;

/** All that a room says. A key that a dictionary lacks does not compile. */
export interface Words {
  messagesIn: Value;
  article: (name: string, time: string) => string;
  newMessages: string;
  sendAgain: string;
  discard: string;
  jump: string;
  jumpNew: Count;
  jumpNewShown: Count;
  message: string;
  addEmoji: string;
  send: string;
  replyingTo: Value;
  cancelReply: string;
  editMessage: string;
  save: string;
  typing: (names: readonly string[]) => string;
  slow: Count;
  offline: string;
  edited: string;
  editedAt: Value;
  deleted: string;
  /** Who has no name any more. */
  deletedUser: string;
  sending: string;
  notSent: string;
  empty: string;
  start: string;
  loading: string;
  showAll: Count;
  showLess: string;
  tooLong: Count;
  left: Count;
  badText: Count;
  quoteGone: string;
  quoteDeleted: string;
  pinned: string;
  readOnly: Record<"archived" | "moderators" | "viewer" | "muted" | "left" | "refused", string> & { mutedUntil: Value };
  notice: Record<
    "joined" | "left" | "kicked" | "banned" | "muted" | "unmuted" | "role" | "created" | "changed" | "purged",
    Names
  >;
  /** By the code of the error; a code that is not here is told by `failed`. */
  errors: Record<string, string>;
  failed: string;
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

/** Return what is to be said about an error: in words, never its code. */
export function explain(words: Words, error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  return (Object.hasOwn(words.errors, code) && words.errors[code]) || words.failed;
}
