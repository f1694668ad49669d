// What the server will say about a text, said while it is written: how long it is, and which character it does not take.

const NOT_TEXT = /[^\P{Cc}\t\n]|\p{Surrogate}|\p{Noncharacter_Code_Point}|\p{M}{9}/u;

/** Return how many characters a text has for the server: code points, in NFC. */
export function countCharacters(text: string): number {
  let n = 0;
  for (const _ of text.normalize("NFC")) n++;
  return n;
}

/** Return which character, from 1, the server refuses, or 0. */
export function refusedCharacter(text: string): number {
  const found = NOT_TEXT.exec(text);
  return found ? countCharacters(text.slice(0, found.index)) + 1 : 0;
}
