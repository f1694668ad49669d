// Whom a room knows by name, as far as this client has seen them, who is found by what is typed of their name. Comes with the extras.

import type { Room, RoomSnapshot } from "madang";

export class People {
  readonly names = new Map<string, string>();
  online: ReadonlySet<string> = new Set();
  /** Called when somebody has come or gone, or was named for the first time. */
  readonly looks = new Set<() => void>();
  private seen: Pick<RoomSnapshot, "items" | "online"> | null = null;

  constructor(
    readonly room: Room,
    readonly me: () => string | null,
  ) {}

  /** Take in those whom a snapshot names. */
  learn({ items, online }: RoomSnapshot): void {
    const { seen } = this;
    if (seen?.items === items && seen.online === online) return;
    const before = this.names.size;
    for (const user of online) this.names.set(user.id, user.name);
    this.online = new Set(online.map((user) => user.id));
    // The end is what changes; people far above were learned when it was loaded.
    const known = seen === null ? 0 : Math.max(0, items.length - 500);
    for (let i = known; i < items.length; i++) {
      const item = items[i];
      if (item && item.kind !== "hole") this.names.set(item.user, item.name);
    }
    this.seen = { items, online };
    if (this.names.size > before || seen?.online !== online) for (const look of this.looks) look();
  }

  readonly nameOf = (user: string): string => this.names.get(user) ?? "";
}
