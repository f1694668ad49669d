// Values that tell when they change: components render again when one that they have read is another, computed values and effects
// follow what they have read. As @preact/signals does it, at a fifth of its weight on a first visit; of what that has more, the page uses nothing.

import { type Component, options } from "preact";

/** Somebody who reads signals: told when one of them is another. */
class Reader {
  readonly sources = new Set<Set<Reader>>();

  constructor(readonly wake: () => void) {}

  /** Have nothing to do with what was read before. */
  forget(): void {
    for (const readers of this.sources) readers.delete(this);
    this.sources.clear();
  }

  /** Return what `fn` does, and be told from now on of what it reads. */
  read<T>(fn: () => T): T {
    const before = reading;
    this.forget();
    reading = this;
    try {
      return fn();
    } finally {
      reading = before;
    }
  }
}

let reading: Reader | undefined;
let depth = 0;
const due = new Set<() => void>();

function track(readers: Set<Reader>): void {
  if (!reading) return;
  readers.add(reading);
  reading.sources.add(readers);
}

/** Change several signals, and have effects follow once. */
export function batch(change: () => void): void {
  depth++;
  try {
    change();
  } finally {
    if (--depth === 0) {
      for (const run of due) {
        due.delete(run);
        try {
          run();
        } catch (error) {
          reportError(error); // and the others follow all the same
        }
      }
    }
  }
}

export interface ReadonlySignal<T> {
  readonly value: T;
}

export class Signal<T> implements ReadonlySignal<T> {
  readonly #readers = new Set<Reader>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    track(this.#readers);
    return this.#value;
  }

  set value(next: T) {
    if (Object.is(next, this.#value)) return;
    this.#value = next;
    batch(() => {
      for (const reader of [...this.#readers]) reader.wake();
    });
  }

  /** The value, without being told of the next. */
  peek(): T {
    return this.#value;
  }
}

export const signal = <T>(value: T): Signal<T> => new Signal(value);

/** Return what `fn` makes of other signals, made when somebody reads it. It lasts as long as they do: make it outside of components. */
export function computed<T>(fn: () => T): ReadonlySignal<T> {
  const readers = new Set<Reader>();
  let value: T;
  let stale = true;
  const reader = new Reader(() => {
    if (stale) return;
    stale = true;
    for (const each of [...readers]) each.wake();
  });
  return {
    get value() {
      track(readers);
      if (stale) {
        value = reader.read(fn);
        stale = false;
      }
      return value;
    },
  };
}

/** Call `fn` now, and whenever what it read is another; what it returns is called before that, and at the end. Returns how to stop that. */
export function effect(fn: () => unknown): () => void {
  let end: unknown;
  const run = () => {
    if (typeof end === "function") end();
    end = reader.read(fn);
  };
  const reader = new Reader(() => due.add(run));
  run();
  return () => {
    due.delete(run);
    reader.forget();
    if (typeof end === "function") end();
  };
}

// Components: Preact says when one begins to render, when that is done, and when it goes. These names of its options are as short in
// its published build.
type Drawn = Component & { reader?: Reader };
type Step = (vnode: { __c?: Drawn | null }) => void;
const steps = options as Record<"__b" | "__r" | "diffed" | "unmount", Step | undefined>;

function before(name: keyof typeof steps, step: Step): void {
  const others = steps[name];
  steps[name] = (vnode) => {
    step(vnode);
    others?.(vnode);
  };
}

const rest = () => {
  reading = undefined;
};
before("__b", rest);
before("diffed", rest);
before("__r", ({ __c: component }) => {
  if (!component) return;
  component.reader ??= new Reader(() => component.setState({}));
  component.reader.forget();
  reading = component.reader;
});
before("unmount", ({ __c: component }) => component?.reader?.forget());
