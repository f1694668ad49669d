// A paper that is open here: its document, the connection that keeps it, who else is in it, and the user's own steps to undo.

import * as decoding from "lib0/decoding";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { batch, type Signal, signal } from "../ui/signals";
import type { Part } from "./roots";
import { Stored } from "./stored";

/** Where somebody is: in which text, and before which of its letters. */
export interface Cursor {
  field: string;
  head: unknown;
}

/** What one client shows the others. The server sets who it is. */
interface Shown {
  user?: { id?: string; name?: string };
  cursor?: Cursor | null;
  pointer?: { x: number; y: number } | null;
}

export interface Other extends Pick<Shown, "cursor" | "pointer"> {
  client: number;
  id: string;
  name: string;
}

const AUTH = 2;
const JOINED_MS = 500; // what is typed within is one step to undo
const SHOW_MS = 120; // between two of what is shown

export class OpenPaper {
  readonly doc = new Y.Doc();
  /** `away`: the connection is gone and comes back; `closed`: it does not, for the reason in `closedBy`. */
  readonly phase: Signal<"loading" | "open" | "away" | "closed"> = signal("loading");
  readonly closedBy: Signal<number | null> = signal(null);
  /** Why the server has not taken what was written last: a code. */
  readonly denied: Signal<string | null> = signal(null);
  readonly others: Signal<readonly Other[]> = signal([]);
  readonly canUndo: Signal<boolean> = signal(false);
  readonly canRedo: Signal<boolean> = signal(false);
  readonly stored: Stored;
  readonly #provider: WebsocketProvider;
  readonly #undo: Y.UndoManager;
  #showing: Shown = { user: {} };
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `roots`: what of it can be undone. */
  constructor(id: string, token: () => string | null, roots: (doc: Y.Doc) => Part[]) {
    const protocols = () => ["yjs", `bearer.${token() ?? ""}`];
    const provider = new WebsocketProvider(`${location.origin.replace("http", "ws")}/yjs`, id, this.doc, {
      protocols: protocols(),
      disableBc: true, // other tabs get what is stored, and nothing before
    });
    this.#provider = provider;
    this.stored = new Stored(provider);
    this.#undo = new Y.UndoManager(roots(this.doc), { trackedOrigins: new Set([this]), captureTimeout: JOINED_MS });
    this.#undo.on("stack-item-added", this.#steps);
    this.#undo.on("stack-item-popped", this.#steps);
    this.#undo.on("stack-cleared", this.#steps);
    provider.on("sync", (synced: boolean) => {
      if (synced) this.phase.value = "open";
    });
    provider.on("connection-close", () => {
      provider.protocols = protocols(); // the token may be another by now
      if (this.phase.peek() === "open") this.phase.value = "away";
    });
    provider.on("closed", ({ code }: { code: number }) => {
      batch(() => {
        this.phase.value = "closed";
        this.closedBy.value = code;
      });
    });
    provider.messageHandlers[AUTH] = (_, decoder) => {
      decoding.readVarUint(decoder);
      this.denied.value = decoding.readVarString(decoder);
    };
    provider.awareness.setLocalState(this.#showing);
    provider.awareness.on("change", this.#seen);
    window.addEventListener("beforeunload", this.#warn);
  }

  close(): void {
    clearTimeout(this.#timer);
    window.removeEventListener("beforeunload", this.#warn);
    this.stored.close();
    this.#undo.destroy();
    this.#provider.awareness.destroy();
    this.#provider.destroy();
    this.doc.destroy();
  }

  /** Change the document, as a step that can be undone. */
  change<T>(change: () => T): T {
    return this.doc.transact(change, this);
  }

  undo(): void {
    this.#undo.undo();
  }

  redo(): void {
    this.#undo.redo();
  }

  /** Begin a new step to undo. */
  cut(): void {
    this.#undo.stopCapturing();
  }

  /** Show the others something, soon. */
  show(what: Pick<Shown, "cursor" | "pointer">): void {
    const next = { ...this.#showing, ...what };
    if (JSON.stringify(next) === JSON.stringify(this.#showing)) return;
    this.#showing = next;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#provider.awareness.setLocalState(this.#showing);
    }, SHOW_MS);
  }

  readonly #steps = () => {
    batch(() => {
      this.canUndo.value = this.#undo.canUndo();
      this.canRedo.value = this.#undo.canRedo();
    });
  };

  readonly #seen = () => {
    const { awareness } = this.#provider;
    const others: Other[] = [];
    for (const [client, state] of awareness.getStates()) {
      const { user, cursor, pointer } = state as Shown;
      if (client === awareness.clientID || !user?.id) continue;
      others.push({
        client,
        id: user.id,
        name: String(user.name ?? ""),
        cursor: cursor ?? null,
        pointer: pointer ?? null,
      });
    }
    this.others.value = others;
  };

  // What is not stored goes with the page: the browser asks.
  readonly #warn = (event: BeforeUnloadEvent) => {
    if (!this.stored.all.peek()) event.preventDefault();
  };
}
