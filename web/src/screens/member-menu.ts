// What may be done with a member: what anybody may, and what the user's own role allows with one of theirs.

import type { Client, Role, Room, User } from "madang";
import { navigate, roomPath } from "../route";
import type { MenuItem } from "../ui/menu";
import { more } from "../words/more";
import { attempt } from "./attempt";
import { handle, openDialog } from "./state";

export interface About {
  client: Client;
  room: Room;
  /** The role of whoever asks. */
  mine: Role | null;
  user: User;
  role: Role;
}

export function memberMenu({ client, room, mine, user, role }: About): MenuItem[] {
  const t = more.value.members;
  const direct = room.store.getSnapshot().info?.access === "direct";
  const owns = mine === "owner";
  const judges = !direct && (owns || (mine === "moderator" && (role === "member" || role === "viewer")));
  const dialog = (kind: "remove" | "ban" | "mute") => () => openDialog({ kind, room: room.id, user });
  const toRole = (to: Role): MenuItem["onPick"] => {
    if (to === "owner") return () => openDialog({ kind: "role", room: room.id, user, role: to });
    return () => void attempt(room.setRole(user.id, to), t.done);
  };
  const items: (MenuItem | false)[] = [
    { label: t.mention, icon: "at", onPick: () => handle.current?.mention(user) },
    !direct && { label: t.message, icon: "message", onPick: () => void attempt(talkTo(client, user)) },
    judges && owns && role !== "owner" && { label: t.makeOwner, icon: "key", apart: true, onPick: toRole("owner") },
    judges && owns && role !== "moderator" && { label: t.makeModerator, icon: "shield", onPick: toRole("moderator") },
    judges && role !== "member" && { label: t.makeMember, icon: "people", onPick: toRole("member") },
    judges && role === "member" && { label: t.makeViewer, icon: "lock", onPick: toRole("viewer") },
    judges && role !== "owner" && { label: t.mute, icon: "bellOff", apart: true, onPick: dialog("mute") },
    judges && role !== "owner" && { label: t.remove, icon: "door", danger: true, onPick: dialog("remove") },
    judges && role !== "owner" && { label: t.ban, icon: "close", danger: true, onPick: dialog("ban") },
  ];
  return items.filter((item) => item !== false);
}

async function talkTo(client: Client, user: User): Promise<void> {
  const room = await client.direct(user.id);
  navigate(roomPath(room.id));
}
