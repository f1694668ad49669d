// The one place that knows virtua: its types are React's, ours are Preact's, and the two meet in one cast here. Comes with the extras.

import type { FunctionComponent } from "preact";
import { Virtualizer } from "virtua";
import type { RowsProps } from "./PlainRows";

const Rows = Virtualizer as unknown as FunctionComponent<object>;

export function VirtualRows<T>({ handle, ...props }: RowsProps<T>) {
  return <Rows {...{ ...props, ref: handle }} />;
}
