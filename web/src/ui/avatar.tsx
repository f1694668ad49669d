// A user's picture, or the first letter of their name on the colour that their id gives them.

/** Return which of the eight colours (`--madang-hue-0` … `-7`) a user has: the same everywhere, by the id alone. */
export function hueOf(userId: string): number {
  let hash = 0;
  for (let i = 0; i < userId.length; i++) hash = (Math.imul(hash, 31) + userId.charCodeAt(i)) | 0;
  return (hash >>> 0) % 8;
}

export function Avatar({ id, name }: { id: string; name: string }) {
  return (
    <span class="avatar" data-hue={hueOf(id)} aria-hidden="true">
      {firstLetter(name)}
    </span>
  );
}

// One letter as people see it: an emoji or a composed syllable is one.
function firstLetter(name: string): string {
  for (const { segment } of letters.segment(name)) return segment.toUpperCase();
  return "?";
}

const letters = new Intl.Segmenter("en", { granularity: "grapheme" });
