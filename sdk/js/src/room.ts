// A room as the application holds it: what can be done in it. What is known of it is the feed's, what goes out the core's.

import type { Core } from "./core.js";
import { MadangError } from "./errors.js";
import { eventsOf } from "./events.js";
import type { Feed } from "./feed.js";
import { randomId } from "./ids.js";
import { later } from "./late.js";
import type * as T from "./types.js";

const TYPING_EVERY_MS = 3_000;
const READ_EVERY_MS = 1_000;

type Fields = Readonly<Record<string, unknown>>;

export class RoomHandle implements T.Room {
  readonly id: string;
  readonly store: T.Store<T.RoomSnapshot>;
  declare readonly kick: T.Room["kick"];
  declare readonly ban: T.Room["ban"];
  declare readonly unban: T.Room["unban"];
  declare readonly mute: T.Room["mute"];
  declare readonly unmute: T.Room["unmute"];
  declare readonly invite: T.Room["invite"];
  declare readonly report: T.Room["report"];
  declare readonly audit: T.Room["audit"];
  declare readonly history: T.Room["history"];
  declare readonly older: T.Room["older"];
  declare readonly newer: T.Room["newer"];
  declare readonly around: T.Room["around"];
  declare readonly latest: T.Room["latest"];
  declare readonly loadPins: T.Room["loadPins"];
  declare readonly members: T.Room["members"];
  declare readonly reactors: T.Room["reactors"];
  readonly core: Core;
  readonly feed: Feed;
  #typed = 0;
  #readAt = 0;
  #readTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(core: Core, feed: Feed) {
    this.id = feed.id;
    this.store = feed.cell;
    this.core = core;
    this.feed = feed;
  }

  async join(): Promise<T.RoomSnapshot> {
    await this.core.follow(this.feed);
    return this.feed.cell.getSnapshot();
  }

  async leave(): Promise<void> {
    await this.write("leave").catch(unless("not_member"));
    this.feed.end("left");
  }

  // -- writing --------------------------------------------------------------------------------------------------------

  send(text: string, options: T.SendOptions = {}): Promise<T.Ack> {
    const sent = this.core.sends.send(this.feed, text, options);
    sent.catch(() => {}); // who does not wait sees it in the store
    return sent;
  }

  retry(cid: string): void {
    this.core.sends.retry(this.feed, cid);
  }

  discard(cid: string): void {
    this.core.sends.discard(this.feed, cid);
  }

  async edit(
    seq: number,
    text: string,
    { data, mentions }: Pick<T.SendOptions, "data" | "mentions"> = {},
  ): Promise<void> {
    await this.write("edit", { seq, text, data, mentions, cid: randomId() });
  }

  async remove(seq: number): Promise<void> {
    await this.write("delete", { seq }).catch(unless("gone"));
  }

  async react(seq: number, emoji: string, on = true): Promise<void> {
    await this.write("react", { seq, emoji, on });
  }

  async pin(seq: number, on = true): Promise<void> {
    await this.write("pin", { seq, on });
  }

  async setRole(user: string, role: T.Role): Promise<void> {
    await this.write("role", { user, role });
  }

  async settings({ slowMs, keepMs, keepMessages, ...same }: T.RoomSettings): Promise<void> {
    await this.write("change", { ...same, slow_ms: slowMs, keep_ms: keepMs, keep_messages: keepMessages });
  }

  request(op: string, fields: Fields = {}): Promise<T.Answer> {
    return this.core.call(op, { room: this.id, ...fields }, { room: this.id });
  }

  /** A command that keeps its place among the room's. */
  write(op: string, fields: Fields = {}, again = true): Promise<T.Answer> {
    return this.core.call(op, { room: this.id, ...fields }, { room: this.id, ordered: true, again });
  }

  typing(on = true): void {
    const now = performance.now();
    if (on ? this.#typed && now - this.#typed < TYPING_EVERY_MS : !this.#typed) return;
    this.#typed = on ? now : 0;
    this.core.sign(this.feed, "typing", { on });
  }

  read(seq = this.feed.seq): void {
    const { copy } = this.feed;
    if (seq <= copy.readSeq) return;
    copy.read(Math.min(seq, this.feed.seq));
    this.feed.changed();
    if (this.#readTimer !== undefined) return;
    const wait = this.#readAt + READ_EVERY_MS - performance.now();
    const write = () => {
      this.#readTimer = undefined;
      this.#readAt = performance.now();
      this.core.sign(this.feed, "read", { seq: copy.readSeq });
    };
    if (this.#readAt === 0 || wait <= 0) write();
    else this.#readTimer = setTimeout(write, wait);
  }

  /** No timer is left. */
  stop(): void {
    clearTimeout(this.#readTimer);
    this.#readTimer = undefined;
  }

  events({ signal }: { signal?: AbortSignal } = {}): AsyncIterable<T.RoomEvent> {
    return eventsOf(this.feed, () => this.core.use(), signal);
  }
}

/** Let an error of this code pass: what was wanted is so already. */
function unless(code: string): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof MadangError && error.code === code)) throw error;
    return undefined;
  };
}

// What keeps its place among the room's commands is here, and not late: others would overtake what waits for its file.
for (const op of ["kick", "ban", "unban", "mute", "unmute"]) {
  const method = async function (this: RoomHandle, user: string, { reason, forMs }: T.Sanction = {}) {
    await this.write(op, { user, reason, for_ms: forMs }, op !== "kick");
  };
  Object.assign(RoomHandle.prototype, { [op]: method });
}

const MODERATING = ["invite", "report", "audit"] as const;
const LOOKING = ["history", "older", "newer", "around", "latest", "loadPins", "members", "reactors"] as const;
later(RoomHandle, [...MODERATING, ...LOOKING]);
