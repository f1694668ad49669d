// One open paper: a document that is kept in step over connections that come and go, and what of it is not saved.
//
// What is written here stays in `#unsaved` until the server has said that it is stored; an update that arrives twice changes nothing
// the second time. It goes out in the order in which it was written, one update at a time, so nothing goes out before what it
// builds on. Opened again, both sides say what they have, and each gets what it lacks.

import {
  applyUpdate,
  createSnapshot,
  type Doc,
  decodeStateVector,
  decodeUpdate,
  encodeStateAsUpdate,
  encodeStateVector,
  equalSnapshots,
  mergeUpdates,
  snapshot,
} from "yjs";
import type { Core } from "./core.js";
import { MadangError } from "./errors.js";
import { Cell } from "./store.js";
import type { OpenPaper, PaperInfo, PaperSnapshot, Shown } from "./types/papers.js";
import type { Answer } from "./types.js";

/** Bytes of an update that the server takes in one command. */
const MOST = 48_000;
/** Updates that are joined into one at a time. */
const JOINED = 500;
const MAX_STATE = 8 * 1024;
const RENEW_MS = 15_000; // servers forget what is shown after 30 s
const AGAIN_MS = 200;

interface Waiting {
  readonly edit: number;
  readonly done: () => void;
  readonly fail: (error: MadangError) => void;
}

interface Unsaved {
  /** The newest edit that it has. */
  readonly edit: number;
  readonly update: Uint8Array;
}

export class PaperHandle implements OpenPaper {
  readonly id: string;
  readonly doc: Doc;
  readonly store: Cell<PaperSnapshot>;
  /** Settled when it was opened first, or will not be. */
  readonly ready: Promise<void>;
  readonly #core: Core;
  readonly #unuse: () => void;
  readonly #forget: () => void;
  readonly #replaced: () => boolean;
  #info: PaperInfo;
  #open = false;
  #opening = false;
  #writing = false;
  #ended: MadangError | null = null;
  #end: string | null = null;
  #refused: MadangError | null = null;
  /** Whether what was written and deleted before is brought, until the first opening. */
  #brings: boolean;
  #unsaved: readonly Unsaved[] = [];
  #edits = 0;
  #saved = 0;
  #waiting: Waiting[] = [];
  #shown: ReadonlyMap<number, Shown> = new Map();
  #state: object | null = null;
  #clock = 0;
  #again: ReturnType<typeof setTimeout> | undefined;
  #renewing: ReturnType<typeof setTimeout> | undefined;
  #settle: (error?: MadangError) => void = () => {};

  /** `replaced`: whether another handle has the paper by now. */
  constructor(core: Core, id: string, doc: Doc, forget: () => void, replaced: () => boolean) {
    this.#core = core;
    this.id = id;
    this.doc = doc;
    this.#brings = decodeStateVector(encodeStateVector(doc)).size > 0;
    this.#forget = forget;
    this.#replaced = replaced;
    this.#info = { id, room: "", title: "", finished: false, user: "", at: "" };
    this.store = new Cell(
      () => this.#snapshot(),
      () => () => {},
    );
    this.ready = new Promise((done, fail) => {
      this.#settle = (error) => (error ? fail(error) : done());
    });
    this.ready.catch(() => {}); // who asked is told
    this.#unuse = core.use();
    doc.on("update", this.#edited);
    queueMicrotask(() => this.#go()); // whoever makes it knows it by then
  }

  #snapshot(): PaperSnapshot {
    return {
      info: this.#info,
      open: this.#open,
      saved: this.#saved >= this.#edits,
      refused: this.#refused,
      ended: this.#end,
      shown: [...this.#shown.values()],
    };
  }

  // -- what the application calls -------------------------------------------------------------------------------------

  saved(): Promise<void> {
    if (this.#saved >= this.#edits) return Promise.resolve();
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((done, fail) => {
      this.#waiting.push({ edit: this.#edits, done, fail });
      this.#tryAgain();
    });
  }

  show(state: Readonly<Record<string, unknown>> | null): void {
    if (state && new TextEncoder().encode(JSON.stringify(state)).length > MAX_STATE)
      throw new MadangError("too_big", `What is shown has at most ${MAX_STATE} bytes.`);
    this.#state = state;
    this.#showAgain();
  }

  close(): void {
    if (this.#open) this.#leave();
    this.end("closed", new MadangError("closed", "The paper was closed."));
  }

  // -- what goes out --------------------------------------------------------------------------------------------------

  readonly #edited = (update: Uint8Array, origin: unknown): void => {
    if (origin === this) return;
    this.#edits += 1;
    if (this.#ended) {
      this.doc.off("update", this.#edited); // one is enough not to be saved
      this.store.changed();
      return;
    }
    this.#unsaved = [...this.#unsaved, { edit: this.#edits, update }];
    this.#tryAgain();
  };

  #tryAgain(): void {
    clearTimeout(this.#again);
    this.#refused = null;
    this.store.changed();
    this.#go();
  }

  /** Open it, if it is not, or write what is to be written next. */
  #go(): void {
    if (this.#ended || this.#opening || this.#writing) return;
    if (!this.#open) this.#begin();
    else if (this.#unsaved.length && !this.#refused) this.#write();
  }

  #begin(): void {
    this.#opening = true;
    const state = encodeStateVector(this.doc);
    const known = state.length <= MOST ? { state: text64(state) } : {};
    this.#core.add(
      "openpaper",
      { paper: this.id, ...known },
      {},
      (answer) => {
        this.#opening = false;
        if (!this.#ended) this.#opened(answer);
        else if (!this.#replaced()) this.#leave();
      },
      (error) => this.end(error.code, error),
    );
  }

  #leave(): void {
    this.#core.call("closepaper", { paper: this.id }, { again: false }).catch(() => {}); // then it is closed
  }

  #write(): void {
    let size = 0;
    let count = 0;
    for (const { update } of this.#unsaved.slice(0, JOINED)) {
      size += update.length;
      if (size > MOST && count) break;
      count += 1;
    }
    const some = this.#unsaved.slice(0, count);
    const upto = some.at(-1)?.edit ?? 0;
    const update = mergeUpdates(some.map((each) => each.update));
    if (update.length > MOST) {
      this.#refuse(new MadangError("too_big", `An update has at most ${MOST} bytes: write in several transactions.`));
      return;
    }
    this.#writing = true;
    this.#core.add(
      "writepaper",
      { paper: this.id, update: text64(update) },
      { again: false },
      () => this.#stored(upto),
      (error) => {
        this.#writing = false;
        if (error.code === "connection_lost") return; // it is opened again, and what the server lacks is written then
        if (error.code === "not_member") this.lost();
        else this.#refuse(error);
      },
    );
  }

  #stored(upto: number): void {
    this.#writing = false;
    this.#unsaved = this.#unsaved.filter(({ edit }) => edit > upto);
    this.#saved = Math.max(this.#saved, upto);
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ edit }) => edit > upto);
    for (const { edit, done } of waiting) if (edit <= upto) done();
    this.store.changed();
    this.#go();
  }

  /** The server does not take it now: it is kept. */
  #refuse(error: MadangError): void {
    this.#refused = error;
    if (error.retryMs !== undefined) this.#again = setTimeout(() => this.#tryAgain(), error.retryMs);
    this.#fail(error);
    this.store.changed();
  }

  #fail(error: MadangError): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { fail } of waiting) fail(error);
  }

  #showAgain(): void {
    clearTimeout(this.#renewing);
    if (!this.#open) return;
    this.#clock += 1;
    const { doc, id: paper } = this;
    this.#core.connection.write(
      JSON.stringify({ op: "showpaper", paper, client: doc.clientID, clock: this.#clock, state: this.#state }),
    );
    if (this.#state) this.#renewing = setTimeout(() => this.#showAgain(), RENEW_MS);
  }

  // -- what the server says -------------------------------------------------------------------------------------------

  #opened({ paper, update, state, clients }: Answer): void {
    this.#info = paper;
    applyUpdate(this.doc, bytes64(update), this);
    this.#open = true;
    this.#shown = new Map();
    this.#others(clients);
    this.#clock += 2; // above what the server says of us where it has seen our last connection go
    if (this.#state) this.#showAgain();
    this.#settle();
    if (this.#brings) this.#brought(bytes64(state), bytes64(update));
    else this.#lacks(bytes64(state));
  }

  /** Take what the server has: what it lacks, for whatever reason, is not saved. */
  #lacks(state: Uint8Array): void {
    if (this.#unsaved.length) {
      const update = encodeStateAsUpdate(this.doc, state);
      if (update.length <= MOST) this.#unsaved = [{ edit: this.#edits, update }];
    } else if (this.#isAhead(state)) this.#miss(state);
    this.#tryAgain();
  }

  #isAhead(state: Uint8Array): boolean {
    const has = decodeStateVector(state);
    const own = decodeStateVector(encodeStateVector(this.doc));
    return [...own].some(([client, clock]) => clock > (has.get(client) ?? 0));
  }

  #miss(state: Uint8Array): void {
    this.#edits += 1;
    this.#unsaved = [{ edit: this.#edits, update: encodeStateAsUpdate(this.doc, state) }];
  }

  /** Take what the server has, and what has come of it, where a copy was brought: what was deleted in it has moved no clock. */
  #brought(state: Uint8Array, update: Uint8Array): void {
    this.#brings = false;
    const own = snapshot(this.doc);
    const deletedThere = createSnapshot(decodeUpdate(update).ds, own.sv);
    if (this.#isAhead(state) || !equalSnapshots(own, deletedThere)) this.#miss(state);
    this.#tryAgain();
  }

  frame({ op, update, state, clients, code }: Answer): void {
    if (op === "paper" && update) applyUpdate(this.doc, bytes64(update), this);
    else if (op === "paper" && this.#open) this.#lacks(bytes64(state));
    else if (op === "shown") this.#others(clients);
    else if (op === "closed") {
      if (code === "not_found" || code === "not_member") this.end(code, new MadangError(code, "The paper has ended."));
      else this.lost(AGAIN_MS);
    }
  }

  #others(clients: readonly Answer[]): void {
    const shown = new Map(this.#shown);
    for (const { client, user, state } of clients) {
      if (!state) shown.delete(client);
      else if (client !== this.doc.clientID) shown.set(client, { client, user, state });
    }
    this.#shown = shown;
    this.store.changed();
  }

  /** It is no longer open, and is opened again: not before the connection knows that it is gone. */
  lost(ms = 0): void {
    this.#open = false;
    clearTimeout(this.#renewing);
    this.store.changed();
    setTimeout(() => this.#go(), ms);
  }

  end(code: string, error: MadangError): void {
    if (this.#ended) return;
    this.#open = false;
    this.#end = code;
    this.#ended = error;
    this.#shown = new Map();
    clearTimeout(this.#again);
    clearTimeout(this.#renewing);
    this.#settle(error);
    this.#fail(error);
    this.#forget();
    this.#unuse();
    this.store.changed();
  }
}

const CHUNK = 0x8000; // arguments of one call

function text64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

function bytes64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
