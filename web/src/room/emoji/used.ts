// The emoji that were used last on this device.

const KEY = "madang.emoji";
const KEPT = 16;

/** Return those used last, the newest first. */
export function lastUsed(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((emoji) => typeof emoji === "string").slice(0, KEPT) : [];
  } catch {
    return [];
  }
}

export function noteUse(emoji: string): void {
  try {
    const kept = [emoji, ...lastUsed().filter((other) => other !== emoji)].slice(0, KEPT);
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // no storage: nothing is remembered
  }
}
