// What is open on the page besides the room: at most one dialog and one panel.

import type { Client, Member, User } from "madang";
import type { RoomHandle } from "../room/RoomView";
import { signal } from "../ui/signals";

export type Dialog =
  | { kind: "create" }
  | { kind: "code" }
  | { kind: "date" }
  | { kind: "find" }
  | { kind: "settings" }
  | { kind: "keys" }
  | { kind: "forget" }
  | { kind: "invite"; room: string; made?: boolean }
  | { kind: "room"; room: string }
  | { kind: "leave"; room: string }
  | { kind: "bans"; room: string }
  | { kind: "audit"; room: string }
  | { kind: "papers"; room: string; writes: boolean }
  | { kind: "remove"; room: string; user: User }
  | { kind: "ban" | "mute"; room: string; user: User }
  | { kind: "role"; room: string; user: User; role: Member["role"] };

export type PanelKind = "search" | "members" | "pins" | "reports";

export const dialog = signal<Dialog | null>(null);
export const panel = signal<PanelKind | null>(null);

/** Whether the search was left for a message, on a screen that has no room for both. */
export const hasResults = signal(false);

/** What happened, said once for a moment, and read aloud. */
export const notice = signal<{ text: string; bad: boolean } | null>(null);

/** What may be done to the room that is shown. */
export const handle: { current: RoomHandle | null } = { current: null };

export function openDialog(next: Dialog): void {
  dialog.value = next;
}

export function closeDialog(): void {
  dialog.value = null;
}

export function togglePanel(kind: PanelKind): void {
  panel.value = panel.value === kind ? null : kind;
}

/** Return whether the screen has room for one thing at a time. */
export const isNarrow = () => matchMedia("(width < 720px)").matches;

/** Return whether the server searches. */
export const canSearch = (client: Client | null) => client?.server?.features?.includes("search") ?? false;
