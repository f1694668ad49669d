// The id of a new room, made from its title: Hangul as it sounds, in Latin letters. It is part of the room's address.

const FIRST = "g kk n d tt r m b pp s ss - j jj ch k t p h".split(" ");
const MIDDLE = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i".split(" ");
const LAST = "- k k k n n n t l k m l l l p l m p p t t ng t t k t p t".split(" ");
const LONGEST = 40;

/** Return an id for a room of this title; null where nothing of it can stand in one. */
export function idFrom(title: string): string | null {
  const id = Array.from(title.normalize("NFC"), letter)
    .join("")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, LONGEST)
    .replace(/^-+|-+$/g, "");
  return id === "" ? null : id;
}

function letter(char: string): string {
  const syllable = char.charCodeAt(0) - 0xac00;
  if (syllable < 0 || syllable >= 11_172) return char.normalize("NFKD").replace(/\p{M}/gu, "");
  const sound = (table: string[], index: number) => (table[index] === "-" ? "" : table[index]);
  const last = syllable % 28;
  return `${sound(FIRST, Math.floor(syllable / 588))}${sound(MIDDLE, Math.floor((syllable % 588) / 28))}${sound(LAST, last)}`;
}
