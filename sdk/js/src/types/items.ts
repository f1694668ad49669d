// What was said and done in a room: messages, notices, events, and pages of them. No code.

import type { MadangError } from "../errors.js";
import type { Role } from "./people.js";
import type { RoomSettings, RoomSnapshot } from "./room.js";

/** How safe an acked message is: see PROTOCOL.md, "Sending". */
export type AckLevel = "stored" | "replicated" | "buffered";

/** What the server answered to something that was appended to a room's log. */
export interface Ack {
  readonly id: string;
  readonly seq: number;
  readonly ack: AckLevel;
  /** It had been stored before, under the same cid. */
  readonly duplicate?: boolean;
}

/** A reaction to a message. */
export interface Reaction {
  readonly emoji: string;
  readonly count: number;
  /** Whether the user put it, too. */
  readonly mine: boolean;
}

/** A message, as it is now: with its edits, reactions and pin. */
export interface Message {
  readonly kind: "message";
  /** Names this row. It stays the same while the message is sent, stored and changed. */
  readonly key: string;
  /** Its place in the log; null until it is stored. */
  readonly seq: number | null;
  readonly id: string | null;
  /** Of the user's own messages of this client. */
  readonly cid: string | null;
  readonly user: string;
  readonly name: string;
  readonly picture?: string;
  /** RFC 3339; of the sender's own clock until it is stored. */
  readonly at: string;
  readonly text: string;
  readonly data?: unknown;
  readonly replyTo?: number;
  readonly mentions: readonly string[];
  /** In the order in which they were first put. */
  readonly reactions: readonly Reaction[];
  /** When it was edited last. */
  readonly edited?: string;
  readonly deleted?: boolean;
  readonly pinned?: boolean;
  /** User id of the server key that sent it in the user's name. */
  readonly via?: string;
  readonly state: "pending" | "sent" | "failed";
  /** Why it failed. */
  readonly error?: MadangError;
}

/** Something else that happened in the room. `type` is that of the event. */
export interface Notice {
  readonly kind: "notice";
  readonly key: string;
  readonly seq: number;
  readonly type:
    | "member.joined"
    | "member.changed"
    | "member.left"
    | "member.kicked"
    | "member.unbanned"
    | "member.muted"
    | "member.unmuted"
    | "member.role"
    | "room.created"
    | "room.changed";
  readonly user: string;
  readonly name: string;
  readonly at: string;
  /** The user id whom it happened to, if that is another. */
  readonly member?: string;
  /** Their name, if it is known. */
  readonly memberName?: string;
  readonly role?: Role;
  readonly banned?: boolean;
  readonly reason?: string;
  readonly forMs?: number;
  /** The settings that changed. */
  readonly settings?: RoomSettings;
}

/** Where messages are missing: the client was away for too long. `older()` fills it. */
export interface Hole {
  readonly kind: "hole";
  readonly key: string;
  /** Everything up to this seq had been shown. */
  readonly after: number;
  /** Everything from this seq on is there. */
  readonly before: number;
}

/** One row of a room. */
export type Item = Message | Notice | Hole;

/** A page of messages. */
export interface HistoryPage {
  readonly messages: readonly Message[];
  /** Whether there are more in the direction asked for; around something: older ones. */
  readonly more: boolean;
  /** Around something: whether there are newer ones. */
  readonly newer: boolean;
  /** They are as after this event of the room: those above it have still to be applied to them, and none up to it. */
  readonly seq: number;
}

/** Which messages of the past: at most one of the first four. */
export interface HistoryQuery {
  readonly before?: number;
  readonly after?: number;
  readonly around?: number;
  readonly at?: string | Date;
  readonly limit?: number;
}

/** An event of a room's log, as PROTOCOL.md has it, with names such as `replyTo`; and two of the client's own. */
export type RoomEvent =
  | {
      readonly type: string;
      readonly seq: number;
      readonly id: string;
      readonly user: string;
      readonly name: string;
      readonly at: string;
      // biome-ignore lint/suspicious/noExplicitAny: what an event carries depends on its type, and newer servers have others
      readonly [field: string]: any;
    }
  | {
      /** Events up to `seq` are not available: the room's copy begins again. */
      readonly type: "reset";
      readonly seq: number;
      readonly snapshot: RoomSnapshot;
    }
  | {
      /** Events were read too slowly and dropped; `snapshot` has their outcome. */
      readonly type: "lagged";
      readonly seq: number;
      readonly snapshot: RoomSnapshot;
    };

/** What may be said beside a message's text. */
export interface SendOptions {
  /** Anything JSON can say, for the application. */
  readonly data?: unknown;
  /** The seq of the message that this answers. */
  readonly replyTo?: number;
  /** User ids. */
  readonly mentions?: readonly string[];
  /** The application's own name for it: the same is never stored twice. */
  readonly cid?: string;
}
