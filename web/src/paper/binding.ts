// A text box and a text of a document as one. While something is composed in the box, nothing is written into it: what others write
// meanwhile waits until the composition ends, and what was composed is put where it belongs by then.

import type * as Y from "yjs";
import { type Delta, difference, moved } from "./edits";

export interface BindingHandlers {
  /** The box has another text, by whatever. */
  changed(): void;
  undo(): void;
  redo(): void;
}

export class Binding {
  composing = false;
  #agreed: string; // what the box and the document had in common last
  #waiting: Delta[] = []; // what others have written since
  #pushing = false;

  /** `origin`: whose transactions are. */
  constructor(
    readonly box: HTMLTextAreaElement,
    readonly text: Y.Text,
    private readonly origin: unknown,
    private readonly handlers: BindingHandlers,
  ) {
    this.#agreed = lines(text.toString());
    box.value = this.#agreed;
    box.addEventListener("beforeinput", this.#onBeforeInput);
    box.addEventListener("input", this.#onInput);
    box.addEventListener("compositionstart", this.#onStart);
    box.addEventListener("compositionend", this.#onEnd);
    box.addEventListener("blur", this.#onEnd);
    text.observe(this.#onChange);
  }

  /** End it; what is in the box is in the document. */
  close(): void {
    this.#push();
    this.box.removeEventListener("beforeinput", this.#onBeforeInput);
    this.box.removeEventListener("input", this.#onInput);
    this.box.removeEventListener("compositionstart", this.#onStart);
    this.box.removeEventListener("compositionend", this.#onEnd);
    this.box.removeEventListener("blur", this.#onEnd);
    this.text.unobserve(this.#onChange);
  }

  // The browser's own undo would take back what others wrote, too.
  readonly #onBeforeInput = (event: InputEvent) => {
    if (event.inputType !== "historyUndo" && event.inputType !== "historyRedo") return;
    event.preventDefault();
    if (event.inputType === "historyUndo") this.handlers.undo();
    else this.handlers.redo();
  };

  readonly #onInput = () => {
    if (!this.composing) this.#push();
    this.handlers.changed();
  };

  readonly #onStart = () => {
    this.composing = true;
  };

  readonly #onEnd = () => {
    this.composing = false;
    this.#push();
    this.handlers.changed();
  };

  /** Write into the document what was typed, and into the box what waits. */
  #push(): void {
    const { box, text } = this;
    const edit = difference(this.#agreed, box.value, box.selectionEnd);
    const waiting = this.#waiting;
    this.#waiting = [];
    let caret: readonly [number, number] | null = null;
    if (edit) {
      const at = through(waiting, edit.at);
      const end = Math.max(at, through(waiting, edit.at + edit.removed));
      const written = edit.at + edit.inserted.length;
      const placed = (place: number) => (place <= edit.at ? through(waiting, place) : at + place - edit.at);
      if (box.selectionEnd <= written) caret = [placed(box.selectionStart), placed(box.selectionEnd)];
      this.#pushing = true;
      try {
        text.doc?.transact(() => {
          plain(text);
          text.delete(at, end - at);
          text.insert(at, edit.inserted);
        }, this.origin);
      } finally {
        this.#pushing = false;
      }
    }
    this.#show(caret ?? [through(waiting, box.selectionStart), through(waiting, box.selectionEnd)]);
  }

  readonly #onChange = (event: Y.YTextEvent) => {
    if (this.#pushing) return;
    if (this.composing) {
      this.#waiting.push(event.delta);
      return;
    }
    const { selectionStart, selectionEnd } = this.box;
    this.#show([moved(selectionStart, event.delta), moved(selectionEnd, event.delta)]);
    this.handlers.changed();
  };

  #show([start, end]: readonly [number, number]): void {
    this.#agreed = lines(this.text.toString());
    if (this.box.value === this.#agreed) return;
    const { selectionDirection } = this.box;
    this.box.value = this.#agreed;
    if (document.activeElement === this.box) this.box.setSelectionRange(start, end, selectionDirection);
  }
}

const through = (deltas: readonly Delta[], place: number) => deltas.reduce((now, delta) => moved(now, delta), place);

/** Return a text as a box has it. */
const lines = (text: string) => text.replace(/\r\n?/g, "\n");

/** Give a text the line ends that boxes have: other programs may have written others, and places would differ. */
function plain(text: Y.Text): void {
  const written = text.toString();
  for (let at = written.lastIndexOf("\r"); at >= 0; at = at > 0 ? written.lastIndexOf("\r", at - 1) : -1) {
    if (written[at + 1] !== "\n") text.insert(at + 1, "\n");
    text.delete(at, 1);
  }
}
