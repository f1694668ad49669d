// Finds people while a Korean name is still being composed: by initial consonants (초성), and by a syllable that is not complete.

import { INITIALS, syllable } from "../../words/korean";

/** Return whether a text begins with what has been typed of it so far. */
function beginsWith(text: string, typed: string): boolean {
  const name = [...text.normalize("NFC").toLowerCase()];
  const query = [...typed.normalize("NFC").toLowerCase()];
  return query.every((char, i) => {
    const there = name[i];
    if (there === undefined) return false;
    if (char === there) return true;
    const whole = syllable(there);
    if (!whole) return false;
    if (INITIALS.includes(char)) return whole.initial === char;
    const part = i === query.length - 1 ? syllable(char) : null; // only the last one may be incomplete
    if (!part || part.initial !== whole.initial || part.vowel !== whole.vowel) return false;
    if (whole.final.startsWith(part.final)) return true;
    // 민 on the way to 미나: the next vowel takes the last consonant along
    const rest = part.final.startsWith(whole.final) ? part.final.slice(whole.final.length) : "";
    const next = syllable(name[i + 1] ?? "");
    return rest.length === 1 && next?.initial === rest;
  });
}

/** Return whether a name, or a later word of it, begins with what has been typed. */
export function matches(name: string, typed: string): boolean {
  return (
    beginsWith(name, typed) ||
    name
      .split(/\s+/)
      .slice(1)
      .some((word) => beginsWith(word, typed))
  );
}
