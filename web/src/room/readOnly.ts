// Why somebody may not write in a room.

import type { RoomSnapshot } from "madang";
import type { Words } from "./words";

/** Return the sentence that says why the user may not write, or null. `until`: how a moment is written. */
export function whyReadOnly(words: Words, snapshot: RoomSnapshot, until: (at: number) => string): string | null {
  const { readOnly } = words;
  const { phase, info, role, muted, canWrite } = snapshot;
  if (phase === "left") return readOnly.left;
  if (phase === "refused") return readOnly.refused;
  if (canWrite || role === null) return null;
  if (info?.archived) return readOnly.archived;
  if (muted) return muted.until === null ? readOnly.muted : readOnly.mutedUntil(until(muted.until));
  return role === "viewer" ? readOnly.viewer : readOnly.moderators;
}
