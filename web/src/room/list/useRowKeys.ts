// Which row of the list Tab comes to. What keys do there comes with the extras.

import type { RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { RowsShared } from "./actions";
import type { RowPlaces } from "./PlainRows";
import type { Row } from "./rows";

export interface RowKeysOptions {
  log: RefObject<HTMLElement | null>;
  virtual: RefObject<RowPlaces | null>;
  rows: () => readonly Row[];
  shared: RowsShared;
  onLeave: () => void;
  /** The rows that are shown now. */
  changed: readonly Row[];
}

/** What the list and its keys share. */
export interface RowKeys {
  options: () => RowKeysOptions;
  active: string | null;
  setActive: (key: string | null) => void;
  /** The row to focus once it is in the document. */
  wish: string | null;
}

export function useRowKeys(options: RowKeysOptions) {
  const [active, setActive] = useState<string | null>(null);
  const now = useRef(options);
  now.current = options;
  const keys = useMemo<RowKeys>(() => ({ options: () => now.current, active, setActive, wish: null }), []);
  keys.active = active;
  const parts = options.shared.late?.parts;
  const actions = useMemo(() => parts?.rowKeys(keys), [parts]);
  useLayoutEffect(() => actions?.follow());

  const at = active === null ? -1 : options.rows().findIndex((row) => row.key === active);
  const mounted = useMemo(() => (at >= 0 ? [at] : []), [at]);
  return { active, mounted, handlers: actions?.handlers, focus: (key?: string) => actions?.focus(key) };
}
