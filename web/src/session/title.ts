// The page's title and icon, which say in the browser's tabs that somebody waits: mentions as a number, all else as a dot.

import { route } from "../route";
import { effect, signal } from "../ui/signals";
import { words } from "../words";
import { number } from "../words/format";
import { muted } from "./muted";
import { rooms } from "./session";
import { titleOf } from "./titles";

/** What is shown of a room instead of the room itself. */
export const shownTitle = signal<string | null>(null);

export function followTitle(): void {
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  effect(() => {
    const heard = rooms.value.rooms.filter((room) => !muted.value.has(room.id));
    const mentions = heard.reduce((sum, room) => sum + room.mentions, 0);
    const unread = heard.some((room) => room.unread > 0);
    const here = rooms.value.rooms.find((room) => room.id === route.value.room);
    const shown = shownTitle.value ?? (here ? titleOf(here) : null);
    const name = shown === null ? words.value.app : `${shown} · ${words.value.app}`;
    const mark = mentions > 0 ? `(${number(mentions)}) ` : unread ? "• " : "";
    document.title = mark + name;
    const wanted = mentions > 0 ? "/icon-mention.svg" : unread ? "/icon-unread.svg" : "/icon.svg";
    if (icon && icon.getAttribute("href") !== wanted) icon.href = wanted;
  });
}
