// Whether the server has stored what was written here. Its protocol has no word for that. But it tells nobody what is not stored: so it is
// asked for what was written here, as if it had been lost, until its answer has all of it.

import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import type { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { type Signal, signal } from "../ui/signals";

const ASK_MS = 150; // after something was written, and between two questions
const SYNC = 0;
const STEP1 = 0;
const STEP2 = 1;

export class Stored {
  /** Whether all of it is. */
  readonly all: Signal<boolean> = signal(true);
  #clock = 0; // up to where it is known to be stored
  #deleted = Y.createDeleteSet(); // what was deleted here, and is not known to be
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly provider: WebsocketProvider) {
    const { doc, messageHandlers } = provider;
    const sync = messageHandlers[SYNC];
    messageHandlers[SYNC] = (encoder, decoder, ...rest) => {
      const copy = decoding.clone(decoder);
      sync?.(encoder, decoder, ...rest);
      if (decoding.readVarUint(copy) === STEP2) this.#answered(decoding.readVarUint8Array(copy));
    };
    doc.on("afterTransaction", this.#written);
    provider.on("status", this.#later);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.provider.doc.off("afterTransaction", this.#written);
    this.provider.off("status", this.#later);
  }

  readonly #written = (transaction: Y.Transaction) => {
    if (transaction.origin === this.provider) return;
    const { clientID } = transaction.doc;
    const before = transaction.beforeState.get(clientID) ?? 0;
    const after = transaction.afterState.get(clientID) ?? 0;
    if (before === after && transaction.deleteSet.clients.size === 0) return;
    this.#deleted = Y.mergeDeleteSets([this.#deleted, transaction.deleteSet]);
    this.all.value = false;
    this.#later();
  };

  readonly #later = () => {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#ask();
    }, ASK_MS);
  };

  #ask(): void {
    const { doc, ws, wsconnected } = this.provider;
    if (this.all.value || !ws || !wsconnected) return; // it comes back, and asks again
    const have = Y.decodeStateVector(Y.encodeStateVector(doc)).set(doc.clientID, this.#clock);
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, SYNC);
    encoding.writeVarUint(encoder, STEP1);
    encoding.writeVarUint8Array(encoder, Y.encodeStateVector(have));
    ws.send(encoding.toUint8Array(encoder));
  }

  #answered(update: Uint8Array): void {
    if (this.all.value) return;
    const { doc } = this.provider;
    this.#clock = Math.max(this.#clock, Y.parseUpdateMeta(update).to.get(doc.clientID) ?? 0);
    const { ds } = Y.decodeUpdate(update);
    const deletes = Y.equalDeleteSets(Y.mergeDeleteSets([ds]), Y.mergeDeleteSets([ds, this.#deleted]));
    if (deletes) this.#deleted = Y.createDeleteSet();
    if (deletes && this.#clock >= Y.getState(doc.store, doc.clientID)) this.all.value = true;
    else this.#later();
  }
}
