// The copy of a room: a window of its items, kept up by events, pages of history and the client's own sends. No I/O.
//
// Items are immutable and sorted by seq; a changed one is replaced. The window is "at the end" while the newest is in it; otherwise
// (after `around`) new messages are not added, but what happens to those in it is applied. Its own sends come last, until their
// events take their places, with their keys: so no row is there twice, and none is made twice.

import type { MadangError } from "./errors.js";
import { camel, given } from "./fields.js";
import type { Answer, Item, Message, Notice, QueuedSend, RoomEvent, User } from "./types.js";

export const MOST_ITEMS = 5_000;
export const DROPPED = 1_000;
export const MOST_UNREAD = 1_000;
const NOTICES = /^member\.|^room\.(created|changed)$/;

/** A message as `history` has it. */
export function messageOf(row: Answer): Message {
  const { user, name, at, text = "", seq, id, editedAt: edited, mentions = [], ...more } = camel(row);
  const { data, replyTo, deleted, pinned, via } = more;
  const mine: readonly string[] = row.mine ?? [];
  const reactions = Object.entries<number>(row.reactions ?? {}).map(([emoji, count]) => ({
    emoji,
    count,
    mine: mine.includes(emoji),
  }));
  return {
    kind: "message",
    key: id,
    seq,
    id,
    cid: null,
    user,
    name,
    at,
    text,
    mentions,
    reactions,
    state: "sent",
    ...given({ data, replyTo, edited, deleted, pinned, via }),
  };
}

function noticeOf(event: Answer, nameOf: (user: string) => string | undefined): Notice {
  const { type, seq, id, user, name, at, op: _, room: __, ...rest } = camel(event);
  const { member, role, banned, reason, forMs, picture: _p, ...changed } = rest;
  const memberName = nameOf(member);
  const settings = type.startsWith("room.") ? changed : undefined;
  return {
    kind: "notice",
    key: id,
    seq,
    type,
    user,
    name,
    at,
    ...given({ member, memberName, role, banned, reason, forMs, settings }),
  };
}

/** One of the client's own sends, until its event has come. */
interface Own {
  row: Message;
  order: number;
}

export class Copy {
  // `pages.ts` works on these, too.
  /** The items of the window, without the client's own sends that have no event yet. */
  list: (Message | Notice)[] = [];
  /** Everything from this seq on is in the window. */
  low = 1;
  atEnd = true;
  /** What happens while a page is on its way, one for each; taken out where that was too much, or the copy began again. */
  readonly coming = new Set<Answer[]>();
  /** Below the window, events are missing up to this seq, which the user may have seen. */
  hole = 0;
  shown: readonly Item[] | null = null;

  #own = new Map<string, Own>(); // by cid, in order
  #newest = 0;
  hasOlder = false;
  readSeq = 0;
  unread = 0;
  mentions = 0;
  lastAt: string | null = null;
  me = "";
  readonly people: Map<string, User>;

  constructor(people = new Map<string, User>()) {
    this.people = people;
  }

  get hasNewer(): boolean {
    return !this.atEnd;
  }

  /** The highest seq in the window. */
  get high(): number {
    return this.list.at(-1)?.seq ?? 0;
  }

  get items(): readonly Item[] {
    if (this.shown) return this.shown;
    const shown: Item[] = this.hole
      ? [{ kind: "hole", key: `hole-${this.hole}`, after: this.hole, before: this.low }]
      : [];
    for (const item of this.list) shown.push(item);
    if (this.atEnd) for (const own of this.#own.values()) shown.push(own.row);
    this.shown = shown;
    return shown;
  }

  find(seq: number): Message | undefined {
    const item = this.list[this.#index(seq)];
    return item?.seq === seq && item.kind === "message" ? item : undefined;
  }

  /** Where an item of this seq is or would be. */
  #index(seq: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.list[middle]?.seq ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #known(user: string, name: string, picture?: string): void {
    const known = this.people.get(user);
    if (!name || (known?.name === name && known.picture === picture)) return;
    if (this.people.size >= MOST_ITEMS) this.people.clear();
    this.people.set(user, { id: user, name, ...given({ picture }) });
  }

  // -- the log --------------------------------------------------------------------------------------------------------

  /** Begin again, from the events of an answer to join or of a reset; `seen` is what the user had of the same numbering. */
  restart(events: readonly Answer[], seq: number, first: number, seen: number): void {
    this.list = [];
    this.atEnd = true;
    this.coming.clear();
    this.low = events[0]?.seq ?? seq + 1;
    this.hole = seen && seen < this.low - 1 ? seen : 0;
    this.hasOlder = this.low > first;
    this.unread = this.mentions = 0;
    for (const event of events) this.apply(event);
    this.settle(seq);
    this.shown = null;
  }

  /** Apply the next event. */
  apply(event: Answer): void {
    this.#known(event.user, event.name, event.picture);
    this.lastAt = event.at;
    for (const events of this.coming) if (events.push(event) > DROPPED) this.coming.delete(events);
    this.#count(event);
    this.put(event);
  }

  /** Do to the items of the window what an event does. */
  put(event: Answer): void {
    const { type, target } = event;
    if (type === "message.sent") this.#message(event);
    else if (type === "member.erased") this.#erase(event.member, event.messages === true);
    else if (target !== undefined) this.#change(event);
    else if (type === "room.purged") this.#purge(event.upto);
    else if (NOTICES.test(type) && this.atEnd) this.append(noticeOf(event, (user) => this.people.get(user)?.name));
    this.shown = null;
  }

  /** What an event does to the numbers of what is unread, before it does so to the items. */
  #count({ type, user, seq, target, member, messages, mentions }: Answer): void {
    const mine = (ids?: readonly string[]) => Number(ids?.includes(this.me) ?? false);
    if (type === "message.sent") {
      if (user === this.me || seq <= this.readSeq) return;
      this.unread = Math.min(MOST_UNREAD, this.unread + 1);
      this.mentions += mine(mentions);
    } else if (type === "member.erased" && messages) {
      const gone = this.list.filter((item) => item.user === member && (item.seq ?? 0) > this.readSeq);
      for (const item of gone) this.mentions -= mine((item as Message).mentions);
      this.mentions = Math.max(0, this.mentions);
    } else if (target > this.readSeq && (type === "message.edited" || type === "message.deleted")) {
      const message = this.find(target);
      if (message && message.user !== this.me) this.mentions += mine(mentions) - mine(message.mentions);
    }
  }

  /** A message as an answer or event has it, with the picture that is known of its user. */
  message(row: Answer): Message {
    return { ...messageOf(row), ...given({ picture: this.people.get(row.user)?.picture }) };
  }

  #message(event: Answer): void {
    if (!this.atEnd || event.seq <= this.high) return; // or a page had it already
    const own = event.user === this.me ? this.#match(event) : undefined;
    if (own) this.#own.delete(own.row.key);
    this.append({ ...this.message(event), ...given({ key: own?.row.key, cid: own?.row.cid }) });
  }

  /** The own send that an own message is: by its id or, before the ack, by what it says. */
  #match(event: Answer): Own | undefined {
    const text = event.text ?? "";
    let first: Own | undefined;
    for (const own of this.#own.values()) {
      const { id, state, replyTo } = own.row;
      if (id === event.id) return own;
      if (id !== null || state !== "pending" || first) continue;
      if (own.row.text.normalize() === text && replyTo === event.reply_to) first = own;
      else break; // they are stored in their order
    }
    return first;
  }

  /** Own sends up to this seq are in the window, or in none. */
  settle(seq: number): void {
    for (const { row } of this.#own.values()) if (row.seq !== null && row.seq <= seq) this.#own.delete(row.key);
  }

  append(item: Message | Notice): void {
    if ((item.seq ?? 0) > this.high) this.list.push(item);
    else this.list.splice(this.#index(item.seq ?? 0), 0, item); // a page was ahead of the events
    this.trim();
  }

  /** Drop the oldest, if there are too many. */
  trim(): void {
    if (this.list.length <= MOST_ITEMS) return;
    this.list.splice(0, DROPPED);
    this.low = this.list[0]?.seq ?? this.low;
    this.hasOlder = true;
    this.hole = 0;
  }

  /** A user was deleted: nothing here names them any more and, with `messages`, nothing has what they said. */
  #erase(user: string, messages: boolean): void {
    this.people.delete(user);
    this.list = this.list.map((item) => erased(item, user, messages));
  }

  #purge(upto: number): void {
    this.list.splice(0, this.#index(upto + 1));
    if (this.low <= upto + 1) {
      this.low = upto + 1;
      this.hasOlder = false;
      this.hole = 0;
    }
  }

  #change(event: Answer): void {
    const message = this.find(event.target);
    if (message) this.list[this.#index(event.target)] = changed(message, event, event.user === this.me);
  }

  /** The read pointer has moved: count again what is above it, as far as it is in the window. */
  read(seq: number): void {
    if (seq <= this.readSeq) return;
    this.readSeq = seq;
    if (!this.atEnd && seq < this.high) return;
    this.unread = this.mentions = 0;
    for (let i = this.list.length - 1; i >= 0 && this.atEnd; i--) {
      const item = this.list[i];
      if (!item || (item.seq ?? 0) <= seq) break;
      if (item.kind !== "message" || item.user === this.me) continue;
      this.unread = Math.min(MOST_UNREAD, this.unread + 1);
      if (item.mentions.includes(this.me)) this.mentions += 1;
    }
  }

  // -- the client's own sends -----------------------------------------------------------------------------------------

  sending({ cid, user, at, text, mentions = [], data, replyTo, order }: QueuedSend, name: string, error?: MadangError) {
    const row: Message = {
      kind: "message",
      key: cid,
      seq: null,
      id: null,
      cid,
      user: user || this.me,
      name,
      at,
      text,
      mentions,
      reactions: [],
      state: error ? "failed" : "pending",
      ...given({ data, replyTo, error }),
    };
    this.#own.delete(cid);
    this.#own.set(cid, { row, order });
    if (order < this.#newest) this.#own = new Map([...this.#own].sort(([, a], [, b]) => a.order - b.order));
    this.#newest = Math.max(this.#newest, order);
    this.shown = null;
  }

  /** The user is known now: those that wait are theirs. */
  identify(me: string, name: string): void {
    this.me = me;
    for (const own of this.#own.values()) if (!own.row.user) own.row = { ...own.row, user: me, name };
    this.shown = null;
  }

  /** It is stored: its event may have come before, as this very row or (where the server changed its text) as another one. */
  sent(cid: string, id: string, seq: number, position: number): void {
    this.shown = null;
    const own = this.#own.get(cid);
    if (!own) return;
    const there = this.find(seq);
    if (there) this.list[this.#index(seq)] = { ...there, key: own.row.key, cid };
    if (there || seq <= position) this.#own.delete(cid);
    else own.row = { ...own.row, id, seq, state: "sent" };
  }

  failed(cid: string, error: MadangError): void {
    const own = this.#own.get(cid);
    if (own) own.row = { ...own.row, state: "failed", error };
    this.shown = null;
  }

  dropped(cid: string): void {
    this.#own.delete(cid);
    this.shown = null;
  }
}

/** A message after an event about it. */
export function changed(message: Message, event: Answer, mine: boolean): Message {
  const { type, emoji } = event;
  if (type === "message.edited") {
    if (event.text === undefined) return message; // it has been deleted since
    const { data: _, ...rest } = message;
    const { text, data, mentions = [], at } = event;
    return { ...rest, text, mentions, edited: at, ...given({ data }) };
  }
  if (type === "message.deleted") {
    const { data: _, pinned: __, ...rest } = message;
    return { ...rest, text: "", mentions: [], reactions: [], deleted: true };
  }
  if (type === "message.pinned") return { ...message, pinned: true };
  if (type === "message.unpinned") {
    const { pinned: _, ...rest } = message;
    return rest;
  }
  const by = type === "reaction.added" ? 1 : type === "reaction.removed" ? -1 : 0;
  if (!by) return message;
  const reactions = [...message.reactions];
  const found = reactions.findIndex((reaction) => reaction.emoji === emoji);
  const at = found < 0 ? reactions.length : found;
  const { count, mine: was } = reactions[at] ?? { count: 0, mine: false };
  reactions.splice(at, 1, { emoji, count: count + by, mine: mine ? by > 0 : was });
  return { ...message, reactions: reactions.filter((reaction) => reaction.count > 0) };
}

/** An item after a user was deleted, with all their messages or not. */
export function erased<I extends Message | Notice>(item: I, user: string, messages: boolean): I {
  if (item.kind === "notice" && item.member === user) {
    const { memberName: _, ...rest } = item;
    return rest as I;
  }
  if (item.user !== user) return item;
  const { picture: _, ...rest } = item as Message;
  const nameless = { ...rest, name: "" } as I;
  return messages && nameless.kind === "message" ? (changed(nameless, DELETED, false) as I) : nameless;
}

const DELETED = { type: "message.deleted" };

/** An event by the names of the SDK. */
export function eventOf(frame: Answer): RoomEvent {
  const { op: _, room: __, ...event } = camel(frame);
  return event;
}
