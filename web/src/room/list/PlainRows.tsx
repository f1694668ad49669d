// Rows as they come, all of them in the document: what a room shows until the extras bring the list that keeps only those in view.
// Until then there are the newest 50 and what has come since.

import type { RefObject, VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { VirtualizerHandle } from "virtua";

/** What the list asks about where rows are; as virtua answers it. */
export type RowPlaces = Pick<
  VirtualizerHandle,
  "scrollOffset" | "scrollSize" | "viewportSize" | "findItemIndex" | "getItemOffset" | "getItemSize"
>;

export interface RowsProps<T> {
  handle: RefObject<RowPlaces | null>;
  data: readonly T[];
  /** Rows came or went at the start alone. */
  shift: boolean;
  /** Rows that stay in the document wherever they are: the one with the focus. */
  keepMounted: readonly number[];
  onScroll: () => void;
  onResize: () => void;
  children: (row: T, index: number) => VNode;
}

export function PlainRows<T>({ handle, data, onScroll, children }: RowsProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const scrolled = useRef(onScroll);
  scrolled.current = onScroll;
  useLayoutEffect(() => {
    const rows = box.current as HTMLElement;
    const log = rows.parentElement as HTMLElement;
    const rowAt = (index: number) => rows.children[index] as HTMLElement | undefined;
    const offsetOf = (index: number) => (rowAt(index)?.offsetTop ?? 0) - rows.offsetTop;
    handle.current = {
      get scrollOffset() {
        return log.scrollTop;
      },
      get scrollSize() {
        return log.scrollHeight;
      },
      get viewportSize() {
        return log.clientHeight;
      },
      findItemIndex(offset) {
        let index = rows.children.length - 1;
        while (index > 0 && offsetOf(index) > offset) index--;
        return Math.max(0, index);
      },
      getItemOffset: offsetOf,
      getItemSize: (index) => rowAt(index)?.offsetHeight ?? 0,
    };
    const tell = () => scrolled.current();
    log.addEventListener("scroll", tell, { passive: true });
    return () => log.removeEventListener("scroll", tell);
  }, []);
  return <div ref={box}>{data.map(children)}</div>;
}
