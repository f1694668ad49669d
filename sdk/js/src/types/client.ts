// A client: how it connects, what it keeps, and what can be asked of it besides rooms. No code.

import type { MadangError } from "../errors.js";
import type { AckLevel, Message } from "./items.js";
import type { Access, Me, Role } from "./people.js";
import type { Room } from "./room.js";

/** What the server said of itself, as of the last hello: its version and its limits. */
export interface ServerInfo {
  readonly name: string;
  readonly version: string;
  readonly v: number;
  readonly ack: AckLevel;
  readonly maxFrame: number;
  readonly maxText: number;
  readonly maxData: number;
  readonly maxMentions: number;
  readonly maxRooms: number;
  readonly resumeEvents: number;
  readonly pingMs: number;
  readonly window: number;
  readonly roomWindow: number;
  /** Who may make guests, and accounts; `createRooms`: whether the user may make rooms. Left out by older servers. */
  readonly guests?: "open" | "keys" | "off";
  readonly accounts?: "open" | "keys" | "off";
  readonly createRooms?: boolean;
  /** What there is that was not in the first server: see PROTOCOL.md, "hello". */
  readonly features?: readonly string[];
  readonly [more: string]: unknown;
}

/**
 * Why a client is not connected.
 *
 * - `idle`: nobody uses it (yet); it connects when somebody does.
 * - `offline`: the browser says there is no network; it connects when there is one.
 * - `lost`: the connection ended, or the server was not reached; it tries again at `retryAt`.
 * - `restart`: the server restarts and said when to come back.
 * - `busy`: the server asked for a longer wait.
 * - `token`: `getToken` failed; it is asked again at `retryAt`.
 * - `unauthorised`, `refused`, `closed`: over; `final` is true. By the token, by the server, by `close()`.
 */
export type Reason = "idle" | "offline" | "lost" | "restart" | "busy" | "token" | "unauthorised" | "refused" | "closed";

/** The state of a client's connection. */
export interface ClientState {
  readonly phase: "disconnected" | "connecting" | "connected";
  /** Why it is not connected; of `connecting`, why it was not before. */
  readonly reason?: Reason;
  /** When it tries again by itself, as `Date.now()` counts. */
  readonly retryAt?: number;
  /** Since when it is in this phase, as `Date.now()` counts. */
  readonly since: number;
  /** Whether it is over: nothing will be tried again. */
  readonly final: boolean;
  /** What the server or `getToken` said. */
  readonly error?: MadangError;
}

/** Something to show that changes: `useSyncExternalStore(store.subscribe, store.getSnapshot)`. */
export interface Store<T> {
  /** Have `fn` called after each change; returns how to stop that. */
  readonly subscribe: (fn: () => void) => () => void;
  /** The present value: immutable, and the same object until it changes. Parts that did not change are the same objects. */
  readonly getSnapshot: () => T;
}

/** Why `getToken` is called: for the first hello, because the last token was refused, or because it ends soon. */
export type TokenReason = "connect" | "refused" | "expiring";

/** What `getToken` is told. */
export interface TokenRequest {
  readonly reason: TokenReason;
  /** Aborted when the client is closed. */
  readonly signal: AbortSignal;
}

/** Where the SDK keeps small things: `localStorage` fits. */
export type KeyValues = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

/** A message on its way, as an outbox keeps it. */
export interface QueuedSend {
  readonly user: string;
  readonly cid: string;
  readonly room: string;
  /** Grows: sends of a room go out in this order. */
  readonly order: number;
  /** Who sends it: an outbox shared by several tabs keeps them apart by it. */
  readonly owner: string;
  readonly at: string;
  readonly text: string;
  readonly data?: unknown;
  readonly replyTo?: number;
  readonly mentions?: readonly string[];
  /** The code it was refused with: it waits for `retry` or `discard`. */
  readonly failed?: string;
}

/** Keeps sends until they are stored by the server. */
export interface Outbox {
  /** More are refused (`outbox_full`). */
  readonly maxSends?: number;
  readonly maxBytes?: number;
  /** All that is kept of a user for this client, in order. */
  load(user: string): Promise<readonly QueuedSend[]>;
  put(send: QueuedSend): Promise<void>;
  remove(user: string, cid: string): Promise<void>;
  /** Forget all of a user. */
  clear(user: string): Promise<void>;
  /** Have `fn` told of sends whose owner is gone, which are this client's from then on. */
  adopt?(user: string, fn: (sends: readonly QueuedSend[]) => void): void;
  /** Let go of everything held open. */
  close?(): void;
}

/** How to connect. At most one of `guest`, `token` and `getToken` is the user; none means the token in `storage`. */
export interface ConnectOptions {
  /** A new user of this name, unless `storage` has the token of an earlier one. */
  readonly guest?: string;
  /** The user of this token. */
  readonly token?: string;
  /** Asked for a token when one is needed: never twice at a time. Throw `Unauthorised` to end; anything else is tried again. */
  readonly getToken?: (request: TokenRequest) => Promise<string>;
  /** Keeps the newest token over reloads. Left out: nothing is kept, and `on("token")` tells what to keep. */
  readonly storage?: KeyValues;
  /** Keeps sends over reloads: by default IndexedDB in browsers, memory elsewhere. */
  readonly outbox?: Outbox;
  /** The WebSocket to use where there is none, or another one is wanted. */
  readonly WebSocket?: new (
    url: string,
  ) => WebSocket;
  /** Closes the client when aborted. */
  readonly signal?: AbortSignal;
}

/** One of the user's rooms, in the list of all of them. */
export interface RoomSummary {
  readonly id: string;
  readonly title: string;
  readonly access: Access;
  readonly role: Role;
  /** The newest event. */
  readonly seq: number;
  readonly readSeq: number;
  /** Messages of others that were not read, up to 1,000, which means "1,000 or more". */
  readonly unread: number;
  readonly mentions: number;
  readonly archived: boolean;
  /** Of a direct room: the other user. */
  readonly peer?: string;
  /** When something last happened, if this client knows. */
  readonly lastAt: string | null;
}

/** All rooms of the user. */
export interface RoomsSnapshot {
  readonly phase: "idle" | "loading" | "live";
  /** In order of their ids. */
  readonly rooms: readonly RoomSummary[];
  /** Messages of others not read, in all rooms. */
  readonly unread: number;
  readonly mentions: number;
}

/** What to search for: messages that have all the words, and the phrases in double quotes. */
export interface SearchQuery {
  readonly q: string;
  /** Only there; left out: in all rooms of the user. */
  readonly room?: string;
  /** Only what this user said. */
  readonly user?: string;
  readonly from?: string | Date;
  readonly to?: string | Date;
  /** The page below this `id`: that of the last message of the page before. */
  readonly before?: string;
  readonly limit?: number;
}

/** A message that was found. */
export interface FoundMessage extends Message {
  readonly seq: number;
  readonly id: string;
  readonly room: string;
  /** Where in `text` is what was searched for: `text.slice(start, end)`. */
  readonly ranges: readonly (readonly [start: number, end: number])[];
  /** Of a finished paper that was found: its id. Then this is the event that finished it, and `text` a piece of what it says. */
  readonly paper?: string;
  readonly title?: string;
}

/** A page of what was found, the newest first. */
export interface SearchPage {
  readonly messages: readonly FoundMessage[];
  /** Whether a further page may bring something. */
  readonly more: boolean;
  /** False: time, an index that lags behind or an outage has cut the search short. */
  readonly complete: boolean;
}

/** An answer of the server, by the names of PROTOCOL.md. */
// biome-ignore lint/suspicious/noExplicitAny: its fields are those of the operation that was asked for
export type Answer = Readonly<Record<string, any>>;

/** A room to make; without an id, one that nobody can guess. */
export interface NewRoom {
  readonly id?: string;
  readonly title?: string;
  readonly access?: "open" | "unlisted" | "invite";
}

/** What is given of it changes. */
export interface ProfileChange {
  readonly name?: string;
  readonly picture?: string;
  readonly locale?: string;
}

/** What `on` tells. */
export interface ClientEvents {
  state: ClientState;
  user: Me;
  /** A token to come back with: keep it as a password. Null: there is none any more. */
  token: string | null;
  /** What nobody waits for an answer of failed: the connection for good, or a room. */
  error: MadangError;
  /** The server accepts nothing for now (`storage_full` and other codes that say to wait): it is sent again. Null: it goes on. */
  delayed: MadangError | null;
}

/** One user's connection to a server, kept up for as long as it is used. */
export interface Client {
  readonly url: string;
  readonly state: ClientState;
  readonly user: Me | null;
  readonly token: string | null;
  readonly server: ServerInfo | null;
  /** All rooms of the user, kept up while somebody subscribes. */
  readonly rooms: Store<RoomsSnapshot>;
  on<K extends keyof ClientEvents>(type: K, fn: (value: ClientEvents[K]) => void): () => void;
  /** The room of this id: the same object each time. An invite is for its first join. */
  room(id: string, options?: { invite?: string }): Room;
  /** Make a room and own it; without an id, one that nobody can guess. Join it to follow it. */
  createRoom(options?: NewRoom): Promise<Room>;
  /** The direct room with another user. */
  direct(user: string): Promise<Room>;
  /** Change what is given of the user's profile, and return it. */
  profile(change?: ProfileChange): Promise<Me>;
  /** Search for messages, on servers whose `features` have `search`. */
  search(query: SearchQuery): Promise<SearchPage>;
  /** Any operation of the protocol, by the names of PROTOCOL.md. */
  request(op: string, fields?: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** Try now instead of at `retryAt`. */
  retryNow(): void;
  /** The key under which to keep something of this user in a Storage: `close({ forget: true })` removes all such keys. */
  storageKey(name: string): string;
  /** End. `forget` also drops all that was kept of the user: the token, what was not sent yet, and every `storageKey`. */
  close(options?: { forget?: boolean }): Promise<void>;
}
