// The one place that knows virtua: its types are React's, ours are Preact's, and the two meet in one cast here.

import type { FunctionComponent, Ref, VNode } from "preact";
import { Virtualizer, type VirtualizerHandle } from "virtua";

export type { VirtualizerHandle };

export interface VirtualRowsProps<T> {
  handle: Ref<VirtualizerHandle>;
  data: readonly T[];
  /** Rows came or went at the start alone. */
  shift: boolean;
  /** Rows that stay in the document wherever they are: the one with the focus. */
  keepMounted: readonly number[];
  onScroll: (offset: number) => void;
  onResize: () => void;
  children: (row: T, index: number) => VNode;
}

const Rows = Virtualizer as unknown as FunctionComponent<object>;

export function VirtualRows<T>({ handle, ...props }: VirtualRowsProps<T>) {
  return <Rows {...{ ...props, ref: handle }} />;
}
