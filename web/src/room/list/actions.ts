// What can be done with a message, as rows and keys ask for it. `roomActions.ts` carries it out, which comes with the extras.

import type { Message, Room, RoomSnapshot } from "madang";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Written } from "../composer/Composer";
import type { FindPeople } from "../composer/PeopleList";
import type { Extras } from "../useExtras";

export interface Actions {
  reply(message: Message): void;
  edit(message: Message): void;
  /** Edit the user's own last message. */
  editLast(): void;
  endEdit(): void;
  saveEdit(message: Message, text: string, mentions: string[]): void;
  askRemove(message: Message): void;
  react(message: Message, emoji: string, on: boolean): void;
  pickReaction(message: Message, anchor: HTMLElement): void;
  pin(message: Message, on: boolean): void;
  markUnread(message: Message): void;
  room: Room;
  /** Tell what came of something, in words. */
  attempt(done: Promise<unknown>, said?: string): void;
  /** The address of a message. */
  linkTo(seq: number): string;
  loadBetween(): void;
  jumpTo(seq: number): void;
  /** A message that a reply answers and that the list does not have. */
  find(seq: number): Promise<Message | null>;
  people: FindPeople;
  /** Take in those whom a snapshot names. */
  learn(snapshot: RoomSnapshot): void;
  /** What an edit box begins with. */
  written(message: Message): Written;
  nameOf(user: string): string;
}

/** What holds for all rows. */
export interface RowsShared {
  room: Room;
  /** What comes with the extras. */
  late: { readonly parts: Extras; readonly actions: Actions } | null;
  me: string | null;
  /** Whether the user may write here. */
  writes: boolean;
  moderates: boolean;
  hasLinks: boolean;
  limit: number;
  enterBreaks: boolean;
}

export const RowsContext = createContext<RowsShared | null>(null);

export function useRows(): RowsShared {
  const shared = useContext(RowsContext);
  if (!shared) throw new Error("no RowsContext");
  return shared;
}

/** Return what can be done with messages, to a part that came with it. */
export function useActions(): Actions {
  const { late } = useRows();
  if (!late) throw new Error("no extras");
  return late.actions;
}

/** Return what of the message's menu the user may do. */
export function allowed(shared: RowsShared, message: Message) {
  const mine = message.user === shared.me;
  const stored = message.seq !== null && !message.deleted;
  return {
    react: stored && shared.writes,
    reply: stored && shared.writes,
    edit: stored && mine && shared.writes,
    remove: stored && (mine || shared.moderates),
    pin: stored && shared.moderates,
    markUnread: stored && !mine,
    report: stored && !mine && shared.me !== null,
    link: stored && shared.hasLinks,
  };
}
