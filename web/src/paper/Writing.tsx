// A text that several write in. Behind the box lies the same text, unseen: it gives the box its height, and says where the others are.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useReducer, useRef } from "preact/hooks";
import * as Y from "yjs";
import { hueOf } from "../ui/avatar";
import { Binding } from "./binding";
import type { OpenPaper } from "./OpenPaper";

export interface WritingProps {
  paper: OpenPaper;
  text: Y.Text;
  /** What the others know it by. */
  field: string;
  label: string;
  placeholder: string;
  /** Have the focus when it comes. */
  focus?: boolean;
  onEscape?: () => void;
}

export function Writing({ paper, text, field, label, placeholder, focus, onEscape }: WritingProps) {
  const box = useRef<HTMLTextAreaElement>(null);
  const binding = useRef<Binding | null>(null);
  const [, again] = useReducer((n: number) => n + 1, 0);

  useLayoutEffect(() => {
    if (!box.current) return;
    const bound = new Binding(box.current, text, paper, {
      changed: () => again(undefined),
      undo: () => paper.undo(),
      redo: () => paper.redo(),
    });
    binding.current = bound;
    again(undefined);
    return () => bound.close();
  }, [paper, text]);

  useEffect(() => {
    if (focus) box.current?.focus();
  }, []);

  useEffect(() => {
    const element = box.current;
    const look = () => {
      if (document.activeElement !== element || !element || binding.current?.composing) return;
      const head = Y.createRelativePositionFromTypeIndex(text, Math.min(element.selectionEnd, text.length));
      paper.show({ cursor: { field, head: Y.relativePositionToJSON(head) } });
    };
    const gone = () => paper.show({ cursor: null });
    document.addEventListener("selectionchange", look);
    element?.addEventListener("selectionchange", look); // Firefox tells it of the box alone
    element?.addEventListener("focus", look);
    element?.addEventListener("blur", gone);
    return () => {
      document.removeEventListener("selectionchange", look);
      element?.removeEventListener("selectionchange", look);
      element?.removeEventListener("focus", look);
      element?.removeEventListener("blur", gone);
      if (document.activeElement === element) gone();
    };
  }, [paper, text, field]);

  const value = box.current?.value ?? text.toString();
  return (
    <div class="writing">
      <div class="writing-behind" aria-hidden="true">
        {withCarets(value, carets(paper, text, field))}
        {"\u200b"}
      </div>
      <textarea
        ref={box}
        class="writing-box"
        aria-label={label}
        placeholder={placeholder}
        dir="auto"
        rows={1}
        onKeyDown={(event) => {
          if (event.isComposing || event.keyCode === 229) return;
          if (onEscape && event.key === "Escape") {
            event.preventDefault();
            onEscape();
          }
        }}
      />
    </div>
  );
}

interface Caret {
  at: number;
  id: string;
  name: string;
}

function carets(paper: OpenPaper, text: Y.Text, field: string): Caret[] {
  return paper.others.value
    .flatMap(({ id, name, cursor }) => {
      if (cursor?.field !== field) return [];
      const at = placeOf(cursor.head, text);
      return at === null ? [] : [{ at, id, name }];
    })
    .sort((one, other) => one.at - other.at);
}

/** Return where a place is now that another client has told; null for what is none. */
function placeOf(head: unknown, text: Y.Text): number | null {
  try {
    const relative = Y.createRelativePositionFromJSON(head);
    const place = text.doc && Y.createAbsolutePositionFromRelativePosition(relative, text.doc);
    return place?.type === text ? place.index : null;
  } catch {
    return null; // anything may come from a client
  }
}

function withCarets(value: string, carets: readonly Caret[]): ComponentChildren {
  let from = 0;
  const parts: ComponentChildren[] = [];
  for (const { at, id, name } of carets) {
    parts.push(
      value.slice(from, at),
      <span key={`${id} ${at}`} class="caret" data-hue={hueOf(id)}>
        <span class="caret-name">{name}</span>
      </span>,
    );
    from = Math.max(from, Math.min(at, value.length));
  }
  return [...parts, value.slice(from)];
}
