// What is not needed to join, to write and to read along comes in a file of its own: when it is asked for first, or once there is time.

import { MadangError } from "./errors.js";

type Parts = typeof import("./parts.js");

let parts: Parts | undefined;

/** Have them there before they are asked for. */
export async function load(): Promise<Parts> {
  try {
    parts = await import("./parts.js");
    return parts;
  } catch (error) {
    throw new MadangError("disconnected", String(error)); // the next who asks tries again
  }
}

/** Call `fn` with them: at once, if they are there. */
export function late<R>(fn: (parts: Parts) => Promise<R>): Promise<R> {
  return parts ? fn(parts) : load().then(fn);
}

type Fn = (...given: unknown[]) => Promise<unknown>;

/** Give a class methods of these names, which the late parts have as functions of an object and what the method is given. */
export function later(Class: { prototype: object }, names: readonly (keyof Parts)[]): void {
  for (const name of names) {
    const method = function (this: object, ...given: unknown[]) {
      return late((parts) => (parts[name] as Fn)(this, ...given));
    };
    Object.assign(Class.prototype, { [name]: method });
  }
}
