// What virtua takes from React, of Preact's: some hooks, and little that Preact says otherwise. Stands in for `react`, `react/jsx-runtime`
// and `react-dom` when the page is built (web/build/alias.ts); preact/compat would be twice virtua's own weight in code that nobody calls.

import { type ComponentType, options, type Ref } from "preact";
import { jsx as preactJsx } from "preact/jsx-runtime";

export { useEffect, useImperativeHandle, useLayoutEffect, useMemo, useReducer, useRef } from "preact/hooks";
export { memo } from "../memo";

type Props = Record<string, unknown>;

/** Preact gives a function its `ref` among its props. */
export function forwardRef(render: (props: Props, ref: unknown) => unknown) {
  return ({ ref = null, ...props }: Props & { ref?: Ref<unknown> | null }) => render(props, ref);
}

/** Render what `change` changes before this returns. */
export function flushSync(change: () => void): void {
  const deferred = options.debounceRendering;
  let render: (() => void) | undefined;
  options.debounceRendering = (process) => {
    render = process;
  };
  try {
    change();
    render?.();
  } finally {
    if (deferred) options.debounceRendering = deferred;
    else delete options.debounceRendering;
  }
}

/** In React numbers of a style are pixels. */
export function jsx(type: string | ComponentType<Props>, props: Props, key?: string) {
  const style = props.style as Props | undefined;
  for (const name in style) if (typeof style[name] === "number") style[name] = `${style[name]}px`;
  return preactJsx(type as string, props, key);
}
