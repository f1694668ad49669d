// Whom a room knows by name, as far as this client has seen them, who is found by what is typed of their name.

import type { Room, RoomSnapshot } from "madang";
import type { FindPeople } from "./composer/PeopleList";
import { extrasNow } from "./useExtras";

export class People {
  readonly names = new Map<string, string>();
  online: ReadonlySet<string> = new Set();
  private seen: readonly unknown[] | null = null;

  constructor(
    readonly room: Room,
    readonly me: () => string | null,
  ) {}

  /** Take in those whom a snapshot names. */
  learn(snapshot: RoomSnapshot): void {
    for (const user of snapshot.online) this.names.set(user.id, user.name);
    this.online = new Set(snapshot.online.map((user) => user.id));
    if (this.seen === snapshot.items) return;
    // The end is what changes; people far above were learned when it was loaded.
    const known = this.seen === null ? 0 : Math.max(0, snapshot.items.length - 500);
    for (let i = known; i < snapshot.items.length; i++) {
      const item = snapshot.items[i];
      if (item && item.kind !== "hole") this.names.set(item.user, item.name);
    }
    this.seen = snapshot.items;
  }

  readonly nameOf = (user: string): string => this.names.get(user) ?? "";

  /** Show at once who is known, and then who else the server finds. Nobody, until the extras are there, which show them. */
  readonly find: FindPeople = (typed, show) => extrasNow()?.findPeople(this, typed, show);
}
