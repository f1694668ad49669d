// Addresses: /, /r/{room}, /r/{room}/{seq}, /r/{room}/p/{paper}. An invite comes in the fragment, which no log
// and no Referer has, and is taken out at once.

import { signal } from "./ui/signals";

export interface Route {
  /** Null: the list of rooms. */
  room: string | null;
  /** The message to show. */
  seq: number | null;
  /** The room's paper to show instead of what is said there. */
  paper: string | null;
}

export const ROOM_ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const INVITE = "madang.invite.";

const NOWHERE: Route = { room: null, seq: null, paper: null };

export const route = signal(NOWHERE);

export const roomPath = (room: string, seq?: number) => `/r/${room}${seq === undefined ? "" : `/${seq}`}`;

/** Return the link that lets somebody into a room. */
export const roomLink = (room: string, invite?: string) =>
  `${location.origin}${roomPath(room)}${invite === undefined ? "" : `#invite=${encodeURIComponent(invite)}`}`;

/** Show an address of the page. */
export function navigate(path: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, "", path);
  else if (path !== location.pathname) history.pushState(null, "", path);
  read();
}

/** Follow the address from now on. */
export function followAddress(): void {
  window.addEventListener("popstate", read);
  window.addEventListener("hashchange", read);
  read();
}

function read(): void {
  const { invite, ...asked } = parse(location.pathname, location.hash);
  if (invite !== null && asked.room !== null) rememberInvite(asked.room, invite);
  if (location.hash) history.replaceState(null, "", location.pathname);
  route.value = asked;
}

/** Return what an address asks for. */
export function parse(pathname: string, hash: string): Route & { invite: string | null } {
  const [, prefix, room = "", seq = "", paper = null, more] = pathname.split("/");
  const invite = new URLSearchParams(hash.slice(1)).get("invite");
  const known = paper === null || (seq === "p" && ROOM_ID.test(paper)); // papers have ids as rooms have
  if (prefix !== "r" || !ROOM_ID.test(room) || !known || more) return { ...NOWHERE, invite: null };
  return { room, seq: /^\d{1,15}$/.test(seq) ? Number(seq) : null, paper, invite };
}

// Kept for the tab: signing in may come between, and a reload.
export function rememberInvite(room: string, invite: string): void {
  try {
    sessionStorage.setItem(INVITE + room, invite);
  } catch {
    invites.set(room, invite);
  }
}

/** Return the invite that came with a room's address, once. */
export function takeInvite(room: string): string | null {
  try {
    const invite = sessionStorage.getItem(INVITE + room);
    sessionStorage.removeItem(INVITE + room);
    return invite;
  } catch {
    const invite = invites.get(room) ?? null;
    invites.delete(room);
    return invite;
  }
}

const invites = new Map<string, string>();
