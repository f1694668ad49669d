// The list of all of the user's rooms, with what is unread: read when somebody looks, then kept up by the server's `unread` frames
// and, for the rooms that are followed, by their feeds.

import { MOST_UNREAD } from "./copy.js";
import type { Core } from "./core.js";
import type { Feed } from "./feed.js";
import { camel, given } from "./fields.js";
import type { Answer, RoomSummary, RoomsSnapshot } from "./types.js";

export class RoomList {
  readonly #core: Core;
  readonly #rows = new Map<string, RoomSummary>();
  #seen = new Set<string>(); // since the list was asked for last
  #phase: RoomsSnapshot["phase"] = "idle";
  #loading = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Somebody looks: read the list, unless that has begun. */
  used(): void {
    if (!this.#loading) this.connected();
  }

  /** Nobody looks any more. */
  unused(): void {
    this.#loading = 0;
  }

  /** There is a new connection, or somebody looks: read the list again, and watch it. */
  connected(): void {
    if (this.#core.list.watched && this.#core.user) void this.#load();
  }

  async #load(): Promise<void> {
    const loading = ++this.#loading;
    if (this.#phase === "idle") this.#phase = "loading";
    this.#core.list.changed();
    const seen = new Set<string>();
    this.#seen = seen;
    try {
      for (let after = "", more = true; more; ) {
        const page = await this.#core.call("rooms", { after, limit: 200, watch: true });
        if (this.#loading !== loading) return; // another one has begun
        this.#take(page.rooms);
        after = page.rooms.at(-1)?.room ?? "";
        more = page.more && after !== "";
      }
    } catch {
      return; // the client is over
    }
    for (const id of this.#rows.keys()) if (!seen.has(id)) this.#rows.delete(id);
    this.#phase = "live";
    this.#core.list.changed();
  }

  /** Put rows in the place of those that there are; with a time, of what has just happened. */
  #take(rows: readonly Answer[], at?: string): void {
    for (const row of rows) {
      const old = this.#rows.get(row.room);
      this.#seen.add(row.room);
      this.#rows.set(row.room, this.#row(row, at && row.seq > (old?.seq ?? 0) ? at : (old?.lastAt ?? null)));
      const feed = this.#core.feeds.get(row.room);
      if (feed?.phase === "live") this.counted(feed);
    }
  }

  #row(row: Answer, lastAt: string | null): RoomSummary {
    const { room: id, title, access, role, seq, readSeq, unread, mentions = 0, archived = false, peer } = camel(row);
    return { id, title, access, role, seq, readSeq, unread, mentions, archived, lastAt, ...given({ peer }) };
  }

  /** What has changed in rooms that are not followed. */
  frame({ rooms = [], counts = [], gone = [] }: Answer): void {
    const lastAt = new Date().toISOString();
    this.#take(rooms, lastAt);
    for (const { room, seq, unread } of counts) {
      const row = this.#rows.get(room);
      if (row) this.#rows.set(room, { ...row, unread, ...(seq > row.seq && { seq, lastAt }) });
    }
    for (const id of gone) this.#rows.delete(id);
    this.#core.list.changed();
  }

  /** Have a feed count on from what the server counted, where its copy begins above the read pointer. */
  counted({ id, copy, cell }: Feed): void {
    const row = this.#rows.get(id);
    if (!row || copy.low <= copy.readSeq + 1 || row.readSeq !== copy.readSeq || row.unread <= copy.unread) return;
    copy.unread = row.unread;
    copy.mentions = Math.max(copy.mentions, row.mentions);
    cell.changed();
  }

  /** A feed has changed. */
  touched(): void {
    if (this.#phase === "live") this.#core.list.changed();
  }

  snapshot(): RoomsSnapshot {
    for (const { id, phase, info, role, seq, copy } of this.#core.feeds.values()) {
      if (phase === "left") this.#rows.delete(id);
      if (phase !== "live" || !info || !role) continue;
      const { title, access, archived } = info;
      const { readSeq, mentions, lastAt } = copy;
      const old = this.#rows.get(id);
      const unread = Math.min(MOST_UNREAD, copy.unread);
      const row = {
        ...old,
        id,
        title,
        access,
        archived,
        role,
        seq,
        readSeq,
        unread,
        mentions,
        lastAt: lastAt ?? old?.lastAt ?? null,
      };
      const same = old && (Object.keys(row) as (keyof RoomSummary)[]).every((key) => old[key] === row[key]);
      if (!same) this.#rows.set(id, row);
    }
    const rooms = [...this.#rows.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    let unread = 0;
    let mentions = 0;
    for (const row of rooms) {
      unread += row.unread;
      mentions += row.mentions;
    }
    return { phase: this.#phase, rooms, unread, mentions };
  }
}
