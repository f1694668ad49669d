// The fields of frames, and of what is made of them.

import type { Answer } from "./types.js";

/** A frame's fields by the names of the SDK: `reply_to` becomes `replyTo`. Not what is inside of them. */
// biome-ignore lint/suspicious/noExplicitAny: it has what the server said
export function camel(fields: Answer): any {
  const out: Record<string, unknown> = {};
  for (const name in fields) out[name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase())] = fields[name];
  return out;
}

type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** The fields that there are: none is `undefined`. */
export function given<T extends object>(fields: T): Partial<Given<T>> {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(there) as Partial<Given<T>>;
}
