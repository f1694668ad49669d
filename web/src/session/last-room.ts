// The room that somebody comes back to.

import { keep, load } from "./kept";

const KEY = "madang.last-room";
/** The room that a server opens for everybody. */
const LOBBY = "lobby";

export const lastRoom = (): string => load<string>(KEY, LOBBY);
export const keepLastRoom = (room: string): void => keep(KEY, room);

/** Do not come back to this one. */
export function forgetLastRoom(room: string): void {
  if (lastRoom() === room) keep(KEY, LOBBY);
}
