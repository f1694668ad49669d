// Commands that wait for their answers, and in which order they go out. No socket, no timers.
//
// A call leaves answered or refused for good; a lost connection only takes it off the wire, and it goes out again with the same
// bytes, so under the same cid. Ordered calls of a room go out in the order they came, at most `roomWindow` at a time; none
// overtakes one that was told to wait. Of the others, MAX_UNORDERED are on their way. All together keep to the server's `window`.

import { ERRORS, type Then } from "./codes.js";
import { MadangError } from "./errors.js";
import type { Answer } from "./types.js";

const MAX_UNORDERED = 16;
const MAX_CALLS = 50_000;
const TRIES = 5;
export const HELLO = 1;

export interface Call {
  readonly n: number;
  /** The frame, as it goes out each time. */
  readonly text: string;
  /** The room that must have been joined before. */
  readonly room: string;
  /** Whether it keeps its place among the room's other ordered calls. */
  readonly ordered: boolean;
  /** Whether it may go out again when the connection broke before its answer. */
  readonly again: boolean;
  readonly done: (answer: Answer) => void;
  readonly fail: (error: MadangError) => void;
  tries: number;
  due: number;
  wire: boolean;
}

export interface CallOptions {
  readonly room?: string;
  readonly ordered?: boolean;
  readonly again?: boolean;
}

/** What is done about an error; of one that is not known, `retry_ms` tells. */
export function thenOf(error: Answer): Then {
  return ERRORS[error.code] ?? (error.retry_ms === undefined ? "tell" : "wait");
}

export function refusal(error: Answer): MadangError {
  return new MadangError(error.code, error.message ?? error.code, error.retry_ms);
}

/** Milliseconds until a refused command goes out again, Infinity for on the next connection; null for never. */
export function again(error: Answer, tries: number, joining: boolean): number | null {
  const then = thenOf(error);
  if (then === "hello") return Number.POSITIVE_INFINITY;
  if (then === "join") return joining ? 0 : null;
  if (then === "tell" || (then === "try" && tries >= TRIES)) return null;
  return error.retry_ms ?? (0.5 + Math.random() / 2) * Math.min(20_000, 200 * 2 ** Math.min(tries - 1, 10));
}

export class Pending {
  window = 64;
  roomWindow = 1;
  maxFrame = 65_536;
  /** Joins on the wire. */
  joins = 0;
  readonly #calls = new Map<number, Call>();
  readonly #queues = new Map<string, Map<number, Call>>(); // "" has those without order
  #wire = 0;
  #n = HELLO;

  get size(): number {
    return this.#calls.size;
  }

  /** How many more commands the server's window has room for. */
  get free(): number {
    return this.window - this.#wire - this.joins;
  }

  /** A number for a command. */
  next(): number {
    this.#n += 1;
    return this.#n;
  }

  add(
    op: string,
    fields: object,
    options: CallOptions,
    done: (answer: Answer) => void,
    fail: (error: MadangError) => void,
  ) {
    const { room = "", ordered = false, again = true } = options;
    const n = this.next();
    const text = JSON.stringify({ op, n, ...fields });
    const error = this.#unfit(text);
    if (error) {
      fail(error);
      return;
    }
    const call: Call = {
      n,
      text,
      room,
      ordered,
      again,
      done,
      fail,
      tries: 0,
      due: 0,
      wire: false,
    };
    const name = ordered ? room : "";
    this.#calls.set(n, call);
    const queue = this.#queues.get(name);
    if (queue) queue.set(n, call);
    else this.#queues.set(name, new Map([[n, call]]));
  }

  /** Why a frame cannot be sent: the server would end the connection for its size, and could not answer it for half a character. */
  #unfit(text: string): MadangError | undefined {
    if (this.#calls.size >= MAX_CALLS) return new MadangError("outbox_full", "Too much waits to be sent.");
    if (text.length * 3 > this.maxFrame && new TextEncoder().encode(text).length > this.maxFrame)
      return new MadangError("too_big", `A command has at most ${this.maxFrame} bytes.`);
    return /(?<!\\)(\\\\)*\\ud[89a-f]/.test(text)
      ? new MadangError("bad_text", "Half a character cannot be sent.")
      : undefined;
  }

  /** What may be written next, and when that is. `may` says whether commands for a room may go out. */
  #next(name: string, queue: Map<number, Call>, may: (room: string) => boolean): Call[] {
    const found: Call[] = [];
    let places = name ? this.roomWindow : MAX_UNORDERED;
    let after = 0;
    for (const call of queue.values()) {
      if (places-- <= 0) break;
      if (call.wire || !may(call.room)) continue;
      if (name) after = call.due = Math.max(after, call.due);
      found.push(call);
    }
    return found;
  }

  /** The frames to write now; they count as written from now on. */
  take(now: number, may: (room: string) => boolean): string[] {
    const out: string[] = [];
    for (const [name, queue] of [...this.#queues]) {
      let some = false;
      for (const call of this.#next(name, queue, may)) {
        if (this.free <= 0 || call.due > now) break;
        call.wire = some = true;
        call.tries += 1;
        this.#wire += 1;
        out.push(call.text);
      }
      if (some) {
        this.#queues.delete(name); // the others' turn comes first the next time
        this.#queues.set(name, queue);
      }
    }
    return out;
  }

  /** When `take` has more, if nothing happens before; Infinity for never. */
  due(may: (room: string) => boolean): number {
    let first = Number.POSITIVE_INFINITY;
    if (this.free <= 0) return first; // an answer makes room
    for (const [name, queue] of this.#queues) {
      for (const call of this.#next(name, queue, may)) first = Math.min(first, call.due);
    }
    return first;
  }

  #remove(call: Call): void {
    this.#off(call);
    this.#calls.delete(call.n);
    const name = call.ordered ? call.room : "";
    const queue = this.#queues.get(name);
    queue?.delete(call.n);
    if (queue?.size === 0) this.#queues.delete(name);
  }

  #off(call: Call): void {
    if (call.wire) this.#wire -= 1;
    call.wire = false;
  }

  /**
   * An answer has come; returns why the command goes out again, if it does. `joining` says whether a room is being joined, so that it may
   * have been refused for that.
   */
  answered(answer: Answer, now: number, joining: (room: string) => boolean): MadangError | null {
    const call = this.#calls.get(answer.n);
    if (!call) return null;
    if (answer.op === "ok") {
      this.#remove(call);
      call.done(answer);
      return null;
    }
    const wait = again(answer, call.tries, joining(call.room));
    if (wait === null) {
      this.#remove(call);
      call.fail(refusal(answer));
    } else {
      this.#off(call);
      call.due = now + wait;
      return refusal(answer);
    }
    return null;
  }

  /** The connection is gone: nothing is on the wire any more. */
  lost(): void {
    for (const call of [...this.#calls.values()]) {
      if (call.wire && !call.again) {
        this.#remove(call);
        call.fail(new MadangError("connection_lost", "The connection broke before the answer: it may be done or not."));
      } else {
        this.#off(call);
        if (call.due === Number.POSITIVE_INFINITY) call.due = 0;
      }
    }
    this.#wire = 0;
  }

  /** Nothing more will be done. */
  end(error: MadangError): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#queues.clear();
    this.#wire = 0;
    for (const call of calls) call.fail(error);
  }
}
