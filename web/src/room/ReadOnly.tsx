// Why somebody may not write in a room, in place of the box. Comes with the extras.

import type { RoomSnapshot } from "madang";
import { fullTime } from "./time";
import { type Language, useSpeech } from "./words";
import { moreIn } from "./words.more";

export function ReadOnly({ snapshot }: { snapshot: RoomSnapshot }) {
  const speech = useSpeech();
  return <p class="read-only">{whyReadOnly(speech.language, snapshot, (at) => fullTime(speech, at))}</p>;
}

/** Return the sentence that says why the user may not write, or null. `until`: how a moment is written. */
export function whyReadOnly(
  language: Language,
  { phase, info, role, muted, canWrite }: RoomSnapshot,
  until: (at: number) => string,
): string | null {
  const { readOnly: say } = moreIn(language);
  if (phase === "left" || phase === "refused") return say[phase];
  if (canWrite || role === null) return null;
  if (info?.archived) return say.archived;
  if (muted) return muted.until === null ? say.muted : say.mutedUntil(until(muted.until));
  return role === "viewer" ? say.viewer : say.moderators;
}
