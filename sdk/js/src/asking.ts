// What is asked of the server besides a room: making rooms, the profile, search. Loaded when it is needed.

import type { ClientHandle } from "./client.js";
import { messageOf } from "./copy.js";
import { timeOf } from "./looking.js";
import type * as T from "./types.js";

export async function createRoom({ core }: ClientHandle, { id, title, access }: T.NewRoom = {}): Promise<T.Room> {
  const { room } = await core.call("create", { room: id, title, access }, { again: false });
  return core.room(room ?? id);
}

export async function direct({ core }: ClientHandle, user: string): Promise<T.Room> {
  const { room } = await core.call("direct", { user });
  return core.room(room.id);
}

export async function profile({ core }: ClientHandle, change: T.ProfileChange = {}): Promise<T.Me> {
  const { user } = await core.call("profile", change);
  core.setUser(user);
  return user;
}

export async function search({ core }: ClientHandle, { from, to, ...query }: T.SearchQuery): Promise<T.SearchPage> {
  const times = { from: timeOf(from), to: timeOf(to) };
  const { messages, more, complete } = await core.call("search", { ...query, ...times });
  const found = (row: T.Answer): T.FoundMessage => ({
    ...(messageOf(row) as T.FoundMessage),
    room: row.room,
    ranges: row.ranges,
    ...(row.paper === undefined ? {} : { paper: row.paper, title: row.title }),
  });
  return { messages: messages.map(found), more, complete };
}
