// What is shown of a room beside its items: who is there, who types, how far others have read, open reports, what is pinned.
// Loaded once a room has been joined; the frames that came before wait in the feed.

import { type Copy, changed, erased } from "./copy.js";
import type { Core } from "./core.js";
import type { Feed, Signs } from "./feed.js";
import type { Answer, Message, User } from "./types.js";

const TYPING_MS = 8_000; // the server says by itself that somebody stopped after 6 s, but that may be lost

/** Have a room's signs from now on. */
export function show(feed: Feed): void {
  if (feed.signs) return;
  const signs = new RoomSigns(feed);
  feed.signs = signs;
  for (const frame of feed.early.splice(0)) signs.frame(frame);
  feed.changed();
}

/** Have them, and ask who is there, of a room that somebody looks at. */
export async function present(core: Core, feed: Feed): Promise<void> {
  show(feed);
  if (!feed.cell.watched) return;
  const { users, count } = await core.call("presence", { room: feed.id, limit: 200 }, { room: feed.id });
  // The server may have counted before it knew of this connection; whoever follows a room is there.
  const { me } = feed.copy;
  const missing = !(me in users) && Object.keys(users).length === count;
  const all = missing ? { ...users, [me]: core.user?.name ?? "" } : users;
  feed.signs?.present(all, count + Number(missing), [], true);
  feed.changed();
}

class RoomSigns implements Signs {
  shown: Signs["shown"];
  readonly #feed: Feed;
  readonly #online = new Map<string, User>();
  readonly #typing = new Map<string, User>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(feed: Feed) {
    this.#feed = feed;
    this.shown = feed.shown;
  }

  #show(change: Partial<Signs["shown"]>): void {
    this.shown = { ...this.shown, ...change };
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#typing.clear();
    this.#show({ typing: [] });
  }

  frame(frame: Answer): void {
    const { op } = frame;
    if (op === "typing") this.#types(frame);
    else if (op === "presence") this.present(frame.online ?? {}, frame.count, frame.offline);
    else if (op === "reports") this.#show({ reports: frame.open });
    else if (op === "read") {
      const { [this.#feed.copy.me]: _, ...others } = frame.readers;
      this.#show({ readers: { ...this.shown.readers, ...others } });
    }
  }

  #types({ on, off }: Answer): void {
    for (const [id, name] of Object.entries<string>(on))
      if (id !== this.#feed.copy.me) this.#typing.set(id, { id, name });
    for (const id of off) this.#typing.delete(id);
    this.#show({ typing: [...this.#typing.values()] });
    clearTimeout(this.#timer);
    if (!this.#typing.size) return;
    this.#timer = setTimeout(() => {
      this.clear();
      this.#feed.changed();
    }, TYPING_MS);
  }

  /** Who came and went; `all`: nobody else is there. */
  present(online: Record<string, string>, count: number, offline: readonly string[] = [], all = false): void {
    if (all) this.#online.clear();
    for (const [id, name] of Object.entries(online))
      this.#online.set(id, this.#feed.copy.people.get(id) ?? { id, name });
    for (const id of offline) this.#online.delete(id);
    if (count < this.#online.size) this.#online.clear(); // crowded by now: only the count comes
    this.#show({ online: [...this.#online.values()], onlineCount: count });
  }

  about(event: Answer): void {
    const { type, user } = event;
    if (type === "message.sent" && this.#typing.delete(user)) this.#show({ typing: [...this.#typing.values()] });
    const { copy, pins } = this.#feed;
    if (pins) this.#feed.pins = pinsAfter(copy, pins, event);
  }
}

/** The pins after an event; null if they have to be loaded again. */
export function pinsAfter(copy: Copy, pins: readonly Message[], event: Answer): readonly Message[] | null {
  const { type, target, user } = event;
  if (type === "member.erased") return unnamed(pins, event);
  if (type === "room.purged") return pins.filter(({ seq }) => (seq ?? 0) > event.upto);
  if (!target) return pins;
  const others = () => pins.filter(({ seq }) => seq !== target);
  if (type === "message.pinned") {
    const message = copy.find(target); // or it is not in the window
    return message ? [...others(), message].sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0)) : null;
  }
  if (type === "message.unpinned" || type === "message.deleted") return others();
  return pins.map((message) => (message.seq === target ? changed(message, event, user === copy.me) : message));
}

function unnamed(pins: readonly Message[], { member, messages = false }: Answer): readonly Message[] {
  const left = messages ? pins.filter(({ user }) => user !== member) : pins;
  return left.map((message) => erased(message, member, messages));
}
