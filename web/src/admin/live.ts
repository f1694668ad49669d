// The node's last 15 minutes, asked for every second while the page is seen.

import { effect, signal } from "../ui/signals";
import { call, token } from "./api";

/** As `transports/admin/operation.py` has it: at, sockets, stored, deliveries, errors, waiting, p50, p99. */
export type Second = [number, number, number, number, number, number, number | null, number | null];

export interface Operation {
  node: string;
  version: string;
  started: number;
  seconds: Second[];
  rooms: { id: string; title: string; events: number; sockets: number }[];
  slow: { room: string; user: string; name: string; behind: number; full: boolean }[];
  batches: [number, number][];
  errors: Record<string, number>;
}

const KEPT = 15 * 60;
const EVERY_MS = 1000;

export const seconds = signal<Second[]>([]);
export const present = signal<Operation | null>(null);
export const lost = signal(false);

let timer: ReturnType<typeof setTimeout> | undefined;

async function ask(): Promise<void> {
  timer = undefined;
  if (token.value === null || document.hidden) return;
  try {
    const last = seconds.value.at(-1)?.[0] ?? 0;
    const now = await call<Operation>("GET", `/operation?since=${last}`);
    const restarted = present.value !== null && present.value.started !== now.started;
    seconds.value = [...(restarted ? [] : seconds.value), ...now.seconds].slice(-KEPT);
    present.value = now;
    lost.value = false;
  } catch {
    lost.value = true;
  }
  timer ??= setTimeout(ask, EVERY_MS);
}

/** Follow the node from now on, as long as somebody is signed in and looks. */
export function follow(): void {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && timer === undefined) void ask();
  });
  effect(() => {
    if (token.value !== null) timer ??= setTimeout(ask);
  });
}
