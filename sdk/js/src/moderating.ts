// What is asked and told about a room without a place among its commands: invitations, reports, the record. Loaded when it is needed.

import { camel } from "./fields.js";
import type { RoomHandle } from "./room.js";
import type * as T from "./types.js";

export async function invite(room: RoomHandle, { uses, forMs }: T.InviteOptions = {}): Promise<T.Invite> {
  return camel(await room.request("invite", { uses, for_ms: forMs }));
}

export async function report(room: RoomHandle, seq: number, reason?: string): Promise<void> {
  await room.request("report", { seq, reason });
}

export function audit(room: RoomHandle, query: { before?: number; limit?: number } = {}): Promise<T.Answer> {
  return room.request("audit", query);
}
