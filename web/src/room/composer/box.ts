// The text box and the one rule by which it sends: on a line break that the browser is about to insert, never on a key.
// An input method that uses Enter for itself makes no line break; one that lets it through does, after it has committed.
// The value is never written while a composition is open.

export interface BoxHandlers {
  /** A line break was meant to send. */
  send(): void;
  /** The text has changed, by whatever. Also while composing. */
  changed(): void;
  /** Whether a line break stays one. */
  breaks(): boolean;
  /** A key, not while composing. Returns whether it was used. */
  key(event: KeyboardEvent): boolean;
  /** Tab, also while composing. Returns whether it was used. */
  tab(): boolean;
}

export class Box {
  composing = false;
  private shift = false;

  constructor(
    readonly element: HTMLTextAreaElement,
    private readonly handlers: BoxHandlers,
  ) {
    element.addEventListener("keydown", this.onKeydown);
    element.addEventListener("beforeinput", this.onBeforeInput);
    element.addEventListener("compositionstart", this.onComposition);
    element.addEventListener("compositionend", this.onComposition);
    element.addEventListener("input", this.onInput);
  }

  close(): void {
    this.element.removeEventListener("keydown", this.onKeydown);
    this.element.removeEventListener("beforeinput", this.onBeforeInput);
    this.element.removeEventListener("compositionstart", this.onComposition);
    this.element.removeEventListener("compositionend", this.onComposition);
    this.element.removeEventListener("input", this.onInput);
  }

  /** Commit what is being composed, so that the value is whole and may be written. */
  commit(): void {
    if (!this.composing) return;
    this.element.blur();
    this.element.focus();
    this.composing = false;
  }

  /** Replace the whole text. */
  write(text: string): void {
    this.commit();
    this.element.value = text;
    this.element.setSelectionRange(text.length, text.length);
    this.resize();
    this.handlers.changed();
  }

  /** Replace a part of the text, and put the caret after it. */
  replace(from: number, to: number, text: string): void {
    this.commit();
    this.element.setRangeText(text, from, to, "end");
    this.resize();
    this.handlers.changed();
  }

  private readonly onKeydown = (event: KeyboardEvent) => {
    this.shift = event.shiftKey;
    if ((event.key === "Tab" || event.code === "Tab") && !event.shiftKey && this.handlers.tab()) {
      event.preventDefault();
      return;
    }
    if (event.isComposing || event.keyCode === 229) return; // the input method's own keys
    if (this.handlers.key(event)) event.preventDefault();
  };

  private readonly onBeforeInput = (event: InputEvent) => {
    if (event.inputType !== "insertLineBreak" && event.inputType !== "insertParagraph") return;
    if (this.shift || this.handlers.breaks()) return;
    event.preventDefault();
    this.commit();
    this.handlers.send();
  };

  private readonly onComposition = (event: Event) => {
    this.composing = event.type === "compositionstart";
  };

  private readonly onInput = () => {
    this.resize();
    this.handlers.changed();
  };

  // WebKit has no field-sizing; there the height is read once a frame.
  private frame = 0;
  private resize(): void {
    if (CSS.supports("field-sizing", "content") || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.element.style.height = "auto";
      this.element.style.height = `${this.element.scrollHeight}px`;
    });
  }
}
