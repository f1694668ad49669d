// The keys that work anywhere. During a composition no key is ours.

import { useEffect } from "preact/hooks";
import { navigate, roomPath, route } from "../route";
import { muted } from "../session/muted";
import { client, rooms } from "../session/session";
import { neighbour, ordered } from "./rooms-order";
import { canSearch, dialog, handle, openDialog, panel } from "./state";

/** They are listened to while this is shown, which is nothing to see. */
export function Keys(): null {
  useEffect(() => {
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return null;
}

function onKey(event: KeyboardEvent): void {
  if (isWriting(event)) {
    handle.current?.focusComposer();
    return;
  }
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented || !act(event)) return;
  event.preventDefault();
}

/** Return whether a key that prints is pressed nowhere: it goes to the box. */
function isWriting(event: KeyboardEvent): boolean {
  const at = document.activeElement;
  const nowhere = at === null || at === document.body || at.getAttribute("role") === "log";
  const prints = event.key.length === 1 || event.keyCode === 229;
  return nowhere && prints && !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== " ";
}

/** Return whether the key was one of ours. */
function act(event: KeyboardEvent): boolean {
  const { key, altKey, shiftKey } = event;
  const command = (event.ctrlKey || event.metaKey) && !altKey;
  if (command && !shiftKey && (key.toLowerCase() === "k" || event.code === "KeyK")) openDialog({ kind: "find" });
  else if (command && (key === "/" || event.code === "Slash")) openDialog({ kind: "keys" });
  else if (dialog.value !== null) return false;
  else if (command && !shiftKey && (key.toLowerCase() === "f" || event.code === "KeyF")) return toSearch();
  else if (key === "F6") toRegion(shiftKey ? -1 : 1);
  else if (altKey && !event.ctrlKey && !event.metaKey && (key === "ArrowDown" || key === "ArrowUp")) {
    const list = ordered(rooms.value.rooms, muted.value);
    const next = neighbour(list, route.value.room, key === "ArrowDown" ? 1 : -1, shiftKey);
    if (next !== null) navigate(roomPath(next));
  } else return false;
  return true;
}

/** Return false for the browser's own search: where there is none of ours, in a paper, and for whoever is in ours already. */
function toSearch(): boolean {
  if (route.value.room === null || route.value.paper !== null || !canSearch(client.value)) return false;
  const box = document.querySelector<HTMLInputElement>(".panel search input");
  if (box && box === document.activeElement) return false;
  panel.value = "search";
  box?.focus();
  box?.select();
  return true;
}

// In the order of the page. Of each region, what gets the focus.
const REGIONS: [region: string, first: string][] = [
  [".side", ".room-link[aria-current], .room-link, button"],
  [".head", "button"],
  ['[role="log"]', ""],
  [".main form", "textarea"],
  [".panel", "button"],
];

function toRegion(step: 1 | -1): void {
  const regions = REGIONS.map(([region, first]) => ({
    box: document.querySelector<HTMLElement>(region),
    first,
  })).filter(({ box }) => box !== null && box.getClientRects().length > 0);
  const at = regions.findIndex(({ box }) => box?.contains(document.activeElement));
  const next = regions[(at + step + regions.length) % regions.length];
  if (!next) return;
  if (next.first === "") handle.current?.focusList();
  else [...(next.box?.querySelectorAll<HTMLElement>(next.first) ?? [])].find(isShown)?.focus();
}

const isShown = (element: HTMLElement) => element.getClientRects().length > 0;
