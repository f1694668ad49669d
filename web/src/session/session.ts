// Who is signed in, and their connection: one client of the SDK for the page, as signals.

import { type Client, type ClientState, connect, type Me, type RoomsSnapshot } from "madang";
import { batch, computed, effect, signal } from "../ui/signals";
import { storage } from "./kept";

const OUT: ClientState = { phase: "disconnected", reason: "idle", since: 0, final: false };
const NO_ROOMS: RoomsSnapshot = { phase: "idle", rooms: [], unread: 0, mentions: 0 };
export const SIGNED_OUT = "madang.signed-out";

export const client = signal<Client | null>(null);
export const me = signal<Me | null>(null);
export const connection = signal<ClientState>(OUT);
/** The server's disk is full: what is written waits. */
export const full = signal(false);
export const rooms = signal<RoomsSnapshot>(NO_ROOMS);

/** Whether the connection is over for good: what was loaded can be read, and one has to sign in again. */
export const ended = computed(() => client.value !== null && connection.value.final);

let stop: (() => void) | null = null;

/** Go on as who was signed in here before, if somebody was. */
export function resume(): void {
  sweep();
  const found = open({});
  if (found.token !== null) adopt(found);
  window.addEventListener("storage", (event) => {
    if (event.key === SIGNED_OUT && event.newValue === client.value?.storageKey("")) location.reload();
  });
}

/** Back to the door, for somebody whose sign-in has ended. What they had written is kept. */
export const signInAgain = (): Promise<void> => leave(false);

/** Remove what a page that went had kept in its last moment of the user who signed out. */
export function sweep(): void {
  const prefix = storage?.getItem(SIGNED_OUT);
  if (!storage || !prefix) return;
  for (const key of Object.keys(storage)) if (key.startsWith(prefix)) storage.removeItem(key);
}

/** Be nobody from now on. */
export async function leave(forget: boolean): Promise<void> {
  const leaving = client.value;
  stop?.();
  stop = null;
  batch(() => {
    client.value = null;
    me.value = null;
    connection.value = OUT;
    full.value = false;
    rooms.value = NO_ROOMS;
  });
  await leaving?.close({ forget });
}

/** Return a client of this server, for somebody. */
export function open(who: { guest?: string; token?: string }): Client {
  return connect(location.origin, { ...who, ...(storage ? { storage } : {}) });
}

/** Be the user of a client from now on. */
export function adopt(fresh: Client): void {
  stop?.();
  storage?.removeItem(SIGNED_OUT);
  const offs = [
    fresh.on("state", (state) => {
      connection.value = state;
    }),
    fresh.on("user", (user) => {
      me.value = user;
    }),
    fresh.on("delayed", (error) => {
      full.value = error?.code === "storage_full";
    }),
    fresh.rooms.subscribe(() => {
      rooms.value = fresh.rooms.getSnapshot();
    }),
  ];
  stop = () => {
    for (const off of offs) off();
  };
  batch(() => {
    client.value = fresh;
    me.value = fresh.user;
    connection.value = fresh.state;
    rooms.value = fresh.rooms.getSnapshot();
  });
}

/** Keep `html[data-connection]` true, for styles and tests. */
export function followConnection(): void {
  effect(() => {
    const { phase, reason } = connection.value;
    const offline = phase !== "connected" && reason === "offline";
    document.documentElement.dataset.connection = offline ? "offline" : phase === "connected" ? phase : "connecting";
  });
}
