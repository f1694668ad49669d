// A room: what is known of it, and what can be done in it. No code.

import type { MadangError } from "../errors.js";
import type { Answer, Store } from "./client.js";
import type { Ack, HistoryPage, HistoryQuery, Item, Message, RoomEvent, SendOptions } from "./items.js";
import type { Access, Member, MembersQuery, Page, PageQuery, Role, User } from "./people.js";

/** Settings of a room. */
export interface RoomInfo {
  readonly id: string;
  readonly title: string;
  readonly access: Access;
  readonly slowMs: number;
  readonly archived: boolean;
  readonly write: "everyone" | "moderators";
  readonly history: "all" | "joined";
  readonly keepMs: number;
  readonly keepMessages: number;
  readonly purgedSeq: number;
}

/** Those of a room's settings that can be changed. */
export type RoomSettings = Partial<
  Omit<RoomInfo, "id" | "purgedSeq" | "access"> & { access: "open" | "unlisted" | "invite" }
>;

/** A room, as it is now. */
export interface RoomSnapshot {
  readonly id: string;
  /** `live`: its events come. `joining`: not yet, or the connection is away. `left`, `refused`: they come no more. */
  readonly phase: "idle" | "joining" | "live" | "left" | "refused";
  /** Why it is `left` (by another's doing) or `refused`. */
  readonly error?: MadangError;
  readonly info: RoomInfo | null;
  readonly role: Role | null;
  /** The user may not write here: until when (`Date.now()`), if that is known, and why. */
  readonly muted?: { readonly until: number | null; readonly reason: string };
  /** Oldest first; those on their way, and failed ones, last. */
  readonly items: readonly Item[];
  readonly hasOlder: boolean;
  /** There are newer ones: the window was moved back. `latest()` returns to them. */
  readonly hasNewer: boolean;
  readonly loading: "older" | "newer" | null;
  readonly seq: number;
  readonly epoch: string;
  readonly readSeq: number;
  /** Messages of others above `readSeq`. */
  readonly unread: number;
  readonly mentions: number;
  /** Null until `loadPins()`. */
  readonly pins: readonly Message[] | null;
  /** Who is here, as far as the server says; of crowded rooms only `onlineCount`. */
  readonly online: readonly User[];
  readonly onlineCount: number;
  /** Others who are typing. */
  readonly typing: readonly User[];
  /** How far others have read: user id → seq. */
  readonly readers: Readonly<Record<string, number>>;
  /** Messages with open reports, as moderators are told. */
  readonly reports: number;
  readonly slowMs: number;
  /** When slow mode, a mute or a rate lets the user write again; null for now. */
  readonly writableAt: number | null;
  /** Whether role, mute and settings let the user write. */
  readonly canWrite: boolean;
}

/** How often an invite may be used, and for how long. */
export interface InviteOptions {
  readonly uses?: number;
  readonly forMs?: number;
}

/** For how long, and why; everybody in the room is told the reason. */
export interface Sanction {
  readonly reason?: string;
  readonly forMs?: number;
}

/** An invite. `invite` is the secret. */
export interface Invite {
  readonly id: string;
  readonly invite: string;
  readonly expiresMs: number;
  readonly uses?: number;
}

/** One room. The client has one object for each id. */
export interface Room {
  readonly id: string;
  readonly store: Store<RoomSnapshot>;
  /** Become a member where that is possible, and follow the room on every connection from now on. */
  join(): Promise<RoomSnapshot>;
  /** End the membership. */
  leave(): Promise<void>;
  /**
   * Send a message. It is in the store at once. Resolves when the server has stored it, and rejects when it will not; what the
   * connection does meanwhile makes no difference.
   */
  send(text: string, options?: SendOptions): Promise<Ack>;
  /** Send a failed message again. */
  retry(cid: string): void;
  /** Drop a failed message. */
  discard(cid: string): void;
  /** Replace text, data and mentions of the user's own message. */
  edit(seq: number, text: string, options?: Pick<SendOptions, "data" | "mentions">): Promise<void>;
  /** Delete a message. */
  remove(seq: number): Promise<void>;
  /** Put a reaction on a message, or take it off. */
  react(seq: number, emoji: string, on?: boolean): Promise<void>;
  /** Pin a message, or unpin it (moderators). */
  pin(seq: number, on?: boolean): Promise<void>;
  /** Load older messages into the store. */
  older(limit?: number): Promise<void>;
  /** Load newer messages into the store, after `around`. */
  newer(limit?: number): Promise<void>;
  /** Move the store's window to a message or a time. */
  around(target: number | Date): Promise<void>;
  /** Move it back to the newest. */
  latest(): Promise<void>;
  /** Read messages without moving the store's window. */
  history(query?: HistoryQuery): Promise<HistoryPage>;
  /** Have `pins` in the store from now on. */
  loadPins(): Promise<void>;
  /** A page of the members: all, or those whose name begins with `prefix` (of Hangul, also by its letters and initials). */
  members(query?: MembersQuery): Promise<Page<Member>>;
  /** Who put a reaction. */
  reactors(seq: number, emoji: string, query?: PageQuery): Promise<Page<User>>;
  /** Say that the user is typing: call it for every key, it is sent when it is time. `false` ends it. */
  typing(on?: boolean): void;
  /** Move the read pointer; without a seq, to the newest. */
  read(seq?: number): void;
  /** End a membership (moderators); the user may come back after a while. */
  kick(user: string): Promise<void>;
  /** Keep a user out (moderators). */
  ban(user: string, sanction?: Sanction): Promise<void>;
  /** Lift a ban. */
  unban(user: string): Promise<void>;
  /** Keep a user from writing (moderators). */
  mute(user: string, sanction?: Sanction): Promise<void>;
  /** Lift a mute. */
  unmute(user: string): Promise<void>;
  /** Give a member a role (owners; moderators those below theirs). */
  setRole(user: string, role: Role): Promise<void>;
  /** Change what is given of the settings (moderators, some of them owners). */
  settings(change: RoomSettings): Promise<void>;
  /** Make a secret that lets whoever has it join (moderators). */
  invite(options?: InviteOptions): Promise<Invite>;
  /** Tell the moderators of a message. */
  report(seq: number, reason?: string): Promise<void>;
  /** A page of who did what by the rights of a moderator or an owner: see `audit` in PROTOCOL.md. */
  audit(query?: { before?: number; limit?: number }): Promise<Answer>;
  /** Any operation of the protocol on this room, by the names of PROTOCOL.md: `request("bans", { limit: 50 })`. */
  request(op: string, fields?: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** Every event after the present position, once and in order. At most 10,000 wait; then one `lagged`. */
  events(options?: { signal?: AbortSignal }): AsyncIterable<RoomEvent>;
}
