// Stores: a value that is made when somebody asks, and those who want to know that it changed.

import type { Store } from "./types.js";

/** A store whose value is made by `make`, at most once per change; `used` is told when the first comes, and returns how to stop. */
export class Cell<T> implements Store<T> {
  readonly #make: () => T;
  readonly #used: () => () => void;
  readonly #listeners = new Set<() => void>();
  #value: T | undefined;
  #stale = true;
  #told = true;

  constructor(make: () => T, used: () => () => void) {
    this.#make = make;
    this.#used = used;
  }

  get watched(): boolean {
    return this.#listeners.size > 0;
  }

  /** The value is another one. Listeners are told once all that happens at this moment has happened. */
  readonly changed = (): void => {
    this.#stale = true;
    if (!this.#told) return;
    this.#told = false;
    queueMicrotask(() => {
      this.#told = true;
      for (const listener of [...this.#listeners]) listener();
    });
  };

  readonly getSnapshot = (): T => {
    if (this.#stale) {
      this.#value = this.#make();
      this.#stale = false;
    }
    return this.#value as T;
  };

  readonly subscribe = (fn: () => void): (() => void) => {
    const listener = () => fn(); // the same function may subscribe twice
    this.#listeners.add(listener);
    const unused = this.#used();
    return () => {
      if (this.#listeners.delete(listener)) unused();
    };
  };
}
