// Rooms that shall not draw attention on this device: no notification, no mark in the title, grey in the list.

import { signal } from "../ui/signals";
import { keep, load } from "./kept";
import { client } from "./session";

export const muted = signal<ReadonlySet<string>>(new Set());

const key = () => client.peek()?.storageKey("muted") ?? "";

/** Take in what is set for the user who is signed in now. */
export function loadMuted(): void {
  muted.value = new Set(load<string[]>(key(), []));
}

export function setMuted(room: string, on: boolean): void {
  const next = new Set(muted.peek());
  if (on) next.add(room);
  else next.delete(room);
  muted.value = next;
  keep(key(), [...next]);
}
