// Notifications of mentions and direct messages: only where they were asked for, from one tab alone, and of no room that is being read
// in any tab.

import type { RoomSummary } from "madang";
import { navigate, roomPath, route } from "../route";
import { effect, signal } from "../ui/signals";
import { more } from "../words/more";
import { muted } from "./muted";
import { prefs, setPref } from "./prefs";
import { client, rooms } from "./session";
import { titleOf } from "./titles";

type Permission = NotificationPermission | "none";

const now = (): Permission => ("Notification" in window && navigator.locks ? Notification.permission : "none");

export const permission = signal<Permission>(now());

/** Ask the browser; on a click only. */
export async function askToNotify(): Promise<void> {
  await Notification.requestPermission();
  permission.value = now();
  if (permission.value === "granted") setPref("notify", true);
}

const TELLER = "madang.teller";
const READING = "madang.reading.";

/** Tell from now on, if this tab is the one that does. */
export function followNotifications(): void {
  if (now() === "none") return;
  holdWhileReading();
  let seen = new Map<string, number>();
  let tells = false;
  // One tab has the lock; when it is closed, another gets it.
  void navigator.locks.request(TELLER, () => {
    tells = true;
    return new Promise<void>(() => undefined);
  });
  effect(() => {
    const before = seen;
    seen = new Map(rooms.value.rooms.map((room) => [room.id, waiting(room)]));
    if (!tells || !prefs.value.notify || permission.value !== "granted") return;
    for (const room of rooms.value.rooms) {
      const fresh = waiting(room) - (before.get(room.id) ?? waiting(room));
      if (fresh > 0 && !muted.value.has(room.id)) void tell(room, fresh);
    }
  });
}

/** Return how much in a room is for the user. */
const waiting = (room: RoomSummary) => (room.access === "direct" ? room.unread : room.mentions);

async function tell(room: RoomSummary, count: number): Promise<void> {
  const { held } = await navigator.locks.query();
  if (held?.some((lock) => lock.name === READING + room.id)) return;
  const t = more.value.notify;
  const title = titleOf(room);
  const last = client
    .peek()
    ?.room(room.id)
    .store.getSnapshot()
    .items.findLast((item) => item.kind === "message");
  const one = count === 1 && last?.kind === "message" && last.seq === room.seq ? last : null;
  const notification = new Notification(one ? t.mention(one.name, title) : t.mentions(count, title), {
    ...(one ? { body: one.text } : {}),
    tag: room.id, // a later one of the room takes its place
    icon: "/icon.svg",
    silent: !prefs.peek().sound,
  });
  notification.onclick = () => {
    window.focus();
    navigate(roomPath(room.id));
    notification.close();
  };
}

/** Hold a lock named as the room for as long as it is read here, for the tab that tells to see. */
function holdWhileReading(): void {
  const reading = signal(document.hasFocus());
  const look = () => {
    reading.value = document.hasFocus() && document.visibilityState === "visible";
  };
  for (const type of ["focus", "blur", "visibilitychange"]) window.addEventListener(type, look);
  document.addEventListener("visibilitychange", look);
  effect(() => {
    const { room } = route.value;
    if (!reading.value || room === null) return;
    const end = new AbortController();
    let release = () => {};
    navigator.locks
      .request(READING + room, { mode: "shared", signal: end.signal }, () => {
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      })
      .catch(() => undefined); // it was not needed any more before it was there
    return () => {
      end.abort();
      release();
    };
  });
}
