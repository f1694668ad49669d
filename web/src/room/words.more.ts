// The words of what a room shows once somebody points at something or asks for it: loaded with the extras, in both languages.

import { type Language, useSpeech } from "./words";
import { en } from "./words.more.en";
import { ko } from "./words.more.ko";

type Value = (value: string) => string;
type Count = (n: number) => string;
type Names = (names: readonly string[], others: number) => string;

export interface MoreWords {
  actionsFor: Value;
  react: string;
  reply: string;
  more: string;
  edit: string;
  copied: string;
  copyCode: string;
  copyText: string;
  copyLink: string;
  pin: string;
  unpin: string;
  markUnread: string;
  remove: string;
  report: string;
  loadBetween: string;
  newSince: (n: number, time: string) => string;
  jumpThere: string;
  markRead: string;
  editing: string;
  cancelEdit: string;
  people: string;
  cancel: string;
  confirmDelete: string;
  confirmDeleteWhat: string;
  online: string;
  moderator: string;
  owner: string;
  viewer: string;
  quickReactions: string;
  allEmoji: string;
  findEmoji: string;
  noEmoji: string;
  reported: string;
  linkCopied: string;
  heard: (name: string, text: string) => string;
  heardMany: Count;
  jump: string;
  jumpNew: Count;
  jumpNewShown: Count;
  typing: (names: readonly string[]) => string;
  slow: Count;
  offline: string;
  replyingTo: Value;
  cancelReply: string;
  edited: string;
  editedAt: Value;
  showAll: Count;
  showLess: string;
  quoteGone: string;
  quoteDeleted: string;
  readOnly: Record<"archived" | "moderators" | "viewer" | "muted" | "left" | "refused", string> & { mutedUntil: Value };
  notice: Record<
    "joined" | "left" | "kicked" | "banned" | "muted" | "unmuted" | "role" | "created" | "changed" | "purged",
    Names
  >;
  /** By the code of the error; a code that is not here is told by `failed`. */
  errors: Record<string, string>;
  failed: string;
}

export const moreIn = (language: Language): MoreWords => (language === "ko" ? ko : en);

/** Return these words in the language of the room that a component is part of. */
export const useMore = (): MoreWords => moreIn(useSpeech().language);

/** Return what is to be said about an error: in words, never its code. */
export function explain(language: Language, error: unknown): string {
  const { errors, failed } = moreIn(language);
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  return (Object.hasOwn(errors, code) && errors[code]) || failed;
}
