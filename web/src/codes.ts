// Codes of rooms, for where links do not travel.

import { parse, ROOM_ID } from "./route";

/** Return the room, and the invite if there is one, that a code, a link or a room's id stands for; null for anything else. */
export function readCode(typed: string): { room: string; invite: string | null } | null {
  const text = typed.trim();
  if (/^https?:/i.test(text)) {
    if (!URL.canParse(text)) return null;
    const url = new URL(text);
    const { room, invite } = parse(url.pathname, url.hash);
    return url.origin === location.origin && room !== null ? { room, invite } : null;
  }
  const [, room = "", invite = null] = /^([^\s:]+)(?:[\s:]+(inv_\S+))?$/.exec(text) ?? [];
  return ROOM_ID.test(room) ? { room, invite } : null;
}

/** Return the code that lets somebody in where links do not travel. */
export const roomCode = (room: string, invite?: string) => (invite === undefined ? room : `${room}:${invite}`);
