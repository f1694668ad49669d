// One room as the server tells of it: the position in its log, by PROTOCOL.md's rules, and everything that a snapshot shows.
// It writes nothing: `stand` says whether a join is wanted, and the client's core sends it.

import { Copy } from "./copy.js";
import { MadangError } from "./errors.js";
import { camel, given } from "./fields.js";
import { again, refusal } from "./pending.js";
import { Cell } from "./store.js";
import type { Answer, Message, Role, RoomInfo, RoomSnapshot } from "./types.js";

const LONGEST_TIMER_MS = 2 ** 31; // who is muted for longer, is so until the page is loaded again
const MOST_EARLY = 100;

/** `away`: a join is wanted. `asked`: it is on its way, and events before its answer do not count. */
export type Stand = "idle" | "away" | "asked" | "following";

const USUAL = { archived: false, write: "everyone", history: "all", keepMs: 0, keepMessages: 0, purgedSeq: 0 } as const;

/** What comes in a file of its own: see `signs.ts`. */
export interface Signs {
  readonly shown: Pick<RoomSnapshot, "online" | "onlineCount" | "typing" | "readers" | "reports">;
  /** Typing has an end. */
  clear(): void;
  frame(frame: Answer): void;
  present(online: Record<string, string>, count: number, offline?: readonly string[], all?: boolean): void;
  about(event: Answer): void;
}

export class Feed {
  readonly id: string;
  readonly copy = new Copy();
  readonly cell: Cell<RoomSnapshot>;
  readonly listeners = new Set<(event: Answer | null) => void>();
  invite: string | undefined;
  stand: Stand = "idle";
  /** When the join may go out. */
  due = 0;
  seq = 0;
  epoch = "";
  phase: RoomSnapshot["phase"] = "idle";
  loading: RoomSnapshot["loading"] = null;
  role: Role | null = null;
  info: RoomInfo | null = null;
  pins: readonly Message[] | null = null;
  writableAt = 0;
  error: MadangError | undefined;
  #tries = 0;
  #joinedRead = 0;
  #muteTimer: ReturnType<typeof setTimeout> | undefined;
  #muted: { until: number | null; reason: string } | undefined;
  signs: Signs | undefined;
  /** Frames for the signs that are not there yet. */
  readonly early: Answer[] = [];
  readonly shown: Signs["shown"] = { online: [], onlineCount: 0, typing: [], readers: {}, reports: 0 };
  #waiting: { done: () => void; fail: (error: MadangError) => void }[] = [];

  /** Called at every change, for what waits for one. */
  readonly looks = new Set<() => void>();
  readonly #touched: () => void;

  constructor(id: string, used: () => () => void, touched: () => void) {
    this.id = id;
    this.cell = new Cell(() => this.#snapshot(), used);
    this.#touched = touched;
  }

  changed(): void {
    this.cell.changed();
    this.#touched();
    for (const look of this.looks) look();
  }

  #snapshot(): RoomSnapshot {
    const { copy, info, role } = this;
    const barred =
      role === "viewer" ||
      (info?.write === "moderators" && role === "member") ||
      info?.archived ||
      this.#muted !== undefined;
    const writableAt = Math.max(this.writableAt, this.#muted?.until ?? 0);
    return {
      id: this.id,
      phase: this.phase,
      info,
      role,
      items: copy.items,
      hasOlder: copy.hasOlder,
      hasNewer: copy.hasNewer,
      loading: this.loading,
      seq: this.seq,
      epoch: this.epoch,
      readSeq: copy.readSeq,
      unread: copy.unread,
      mentions: copy.mentions,
      pins: this.pins,
      ...(this.signs ?? this).shown,
      slowMs: info?.slowMs ?? 0,
      writableAt: writableAt > Date.now() ? writableAt : null,
      canWrite: role !== null && !barred && this.phase !== "left" && this.phase !== "refused",
      ...given({ muted: this.#muted, error: this.error }),
    };
  }

  // -- joining --------------------------------------------------------------------------------------------------------

  /** Want to be followed from now on; resolves with the answer to the join. */
  follow(): Promise<void> {
    if (this.stand === "following") return Promise.resolve();
    if (this.stand === "idle") {
      this.stand = "away";
      this.phase = "joining";
      this.error = undefined;
      this.due = this.#tries = 0;
      this.changed();
    }
    return new Promise((done, fail) => {
      this.#waiting.push({ done, fail });
    });
  }

  /** The fields of the join, which is on its way now. */
  asking(): object {
    this.stand = "asked";
    const { id: room, seq: since, epoch, invite } = this;
    return epoch ? { room, since, epoch } : { room, limit: 50, ...(invite && { invite }) };
  }

  joined(answer: Answer): void {
    if (this.stand !== "asked") return; // it ended meanwhile
    const { copy } = this;
    const first = !this.epoch || answer.reset;
    this.#tries = 0;
    this.stand = "following";
    this.phase = "live";
    this.info = { ...USUAL, ...camel(answer.room) };
    this.role = answer.role;
    this.#joinedRead = answer.read_seq;
    this.invite = undefined;
    if (first) this.#restart(answer.epoch, answer.events, answer.seq, answer.first ?? 1, answer.read_seq);
    else {
      this.copy.read(answer.read_seq);
      for (const event of answer.events) this.event(event);
      this.epoch = answer.epoch;
    }
    copy.read(answer.read_seq);
    this.#clear();
    for (const { done } of this.#waiting.splice(0)) done();
    this.changed();
  }

  /** The join was refused: whether it is over. */
  refused(answer: Answer, now: number): void {
    if (this.stand !== "asked") return;
    this.#tries += 1;
    const wait = again(answer, this.#tries, true);
    if (wait === null) this.end("refused", refusal(answer));
    else {
      this.stand = "away";
      this.due = wait === Number.POSITIVE_INFINITY ? 0 : now + wait;
    }
  }

  /** The connection is gone. */
  lost(): void {
    if (this.stand === "idle") return;
    this.stand = "away";
    this.due = this.#tries = 0;
    this.phase = "joining";
    this.#clear();
    this.changed();
  }

  end(phase: "left" | "refused", error?: MadangError): void {
    this.stand = "idle";
    this.phase = phase;
    this.error = error;
    this.seq = 0;
    this.epoch = "";
    this.#clear();
    const why = error ?? new MadangError("not_member", "The user has left the room.");
    for (const { fail } of this.#waiting.splice(0)) fail(why);
    this.changed();
    for (const listener of [...this.listeners]) listener(null);
  }

  /** The client is over: nothing more comes, of this room or any. */
  over(error: MadangError): void {
    this.#clear();
    clearTimeout(this.#muteTimer);
    for (const { fail } of this.#waiting.splice(0)) fail(error);
    for (const listener of [...this.listeners]) listener(null);
    this.changed();
  }

  #clear(): void {
    this.signs?.clear();
    this.early.length = 0;
  }

  #restart(epoch: string, events: readonly Answer[], seq: number, first: number, read: number): void {
    const seen = this.epoch === epoch ? this.seq : 0;
    const again = this.epoch !== "";
    this.copy.readSeq = seen ? Math.max(read, this.copy.readSeq) : read;
    this.copy.restart(events, seq, first, seen);
    this.seq = seq;
    this.epoch = epoch;
    this.pins = null;
    for (const event of events) this.#about(event);
    if (again) for (const listener of [...this.listeners]) listener({ type: "reset", seq });
  }

  // -- frames ---------------------------------------------------------------------------------------------------------

  event(frame: Answer): void {
    if (this.stand !== "following" || frame.seq <= this.seq) return;
    if (frame.seq !== this.seq + 1) {
      this.stand = "away"; // a gap: join again from what is there
      return;
    }
    this.seq = frame.seq;
    this.copy.apply(frame);
    for (const listener of [...this.listeners]) listener(frame);
    this.#about(frame);
    this.changed();
  }

  /** What an event changes besides the items. */
  #about(event: Answer): void {
    const { type, user, member, seq } = event;
    const { me } = this.copy;
    const whom = member ?? user;
    this.signs?.about(event);
    if (type === "room.changed" && this.info) this.info = { ...this.info, ...this.#settings(event) };
    else if (type === "room.purged" && this.info) this.info = { ...this.info, purgedSeq: event.upto };
    else if (type === "room.deleted") this.end("left", new MadangError("not_found", "The room was deleted."));
    if (whom !== me || seq <= this.#joinedRead) return;
    if (type === "member.role") this.role = event.role;
    else if (type === "member.muted") this.mute(event.for_ms, event.reason ?? "");
    else if (type === "member.unmuted") this.#unmute();
    else if (type === "member.left") this.end("left");
    else if (type === "member.kicked")
      this.end("left", new MadangError(event.banned ? "banned" : "kicked", event.reason ?? "", event.for_ms));
  }

  #settings(event: Answer): Partial<RoomInfo> {
    const { title, access, slowMs, archived, write, history, keepMs, keepMessages } = camel(event);
    return given({ title, access, slowMs, archived, write, history, keepMs, keepMessages });
  }

  mute(forMs: number | undefined, reason: string): void {
    this.#muted = { until: forMs ? Date.now() + forMs : null, reason };
    clearTimeout(this.#muteTimer);
    if (forMs && forMs < LONGEST_TIMER_MS) this.#muteTimer = setTimeout(() => this.#unmute(), forMs);
    this.changed();
  }

  #unmute(): void {
    clearTimeout(this.#muteTimer);
    this.#muted = undefined;
    this.changed();
  }

  skip(from: number, to: number): void {
    if (this.stand !== "following" || to <= this.seq) return;
    if (from > this.seq + 1) this.stand = "away";
    else this.seq = to;
    this.changed();
  }

  /** Frames that are not in the log, and those about it as a whole. */
  frame(frame: Answer): void {
    const { op, seq } = frame;
    if (op === "skip") this.skip(frame.from, frame.to);
    else if (op === "reset" && this.stand === "following")
      this.#restart(frame.epoch, frame.events, seq, 1, this.copy.readSeq);
    else {
      if (op === "read") this.copy.read(frame.readers[this.copy.me] ?? 0);
      if (this.signs) this.signs.frame(frame);
      else if (this.early.length < MOST_EARLY) this.early.push(frame);
    }
    this.changed();
  }
}
