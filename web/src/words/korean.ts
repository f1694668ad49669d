// What Korean needs beyond words: the parts of a syllable, particles by the last one, and finding by first consonants (초성).

const FIRST = 0xac00;
const LAST = 0xd7a3;
// The consonants of compatibility jamo, in the order in which syllables count them.
export const INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
const FINALS = [
  "",
  "ㄱ",
  "ㄲ",
  "ㄱㅅ",
  "ㄴ",
  "ㄴㅈ",
  "ㄴㅎ",
  "ㄷ",
  "ㄹ",
  "ㄹㄱ",
  "ㄹㅁ",
  "ㄹㅂ",
  "ㄹㅅ",
  "ㄹㅌ",
  "ㄹㅍ",
  "ㄹㅎ",
  "ㅁ",
  "ㅂ",
  "ㅂㅅ",
].concat(["ㅅ", "ㅆ", "ㅇ", "ㅈ", "ㅊ", "ㅋ", "ㅌ", "ㅍ", "ㅎ"]);

/** Return what a composed syllable consists of, or null of what is none. */
export function syllable(char: string): { initial: string; vowel: number; final: string } | null {
  const code = char.charCodeAt(0) - FIRST;
  if (!(code >= 0 && code <= LAST - FIRST)) return null;
  const initial = INITIALS[Math.floor(code / 588)] ?? "";
  return { initial, vowel: Math.floor((code % 588) / 28), final: FINALS[code % 28] ?? "" };
}

/** Return the word with the particle that its last syllable takes; 로 follows ㄹ as it follows a vowel. */
export function particle(word: string, afterConsonant: string, afterVowel: string): string {
  const final = syllable(word.at(-1) ?? "")?.final ?? "";
  const consonant = final !== "" && !(final === "ㄹ" && afterVowel === "로");
  return word + (consonant ? afterConsonant : afterVowel);
}

/** Return whether `query` is found in `text`: as it is written, or each of its consonants as the first of a syllable. */
export function finds(text: string, query: string): boolean {
  const whole = fold(text);
  const part = fold(query);
  return whole.includes(part) || (/^[ㄱ-ㅎ\s]+$/.test(part) && initials(whole).includes(part));
}

function fold(text: string): string {
  return text.normalize("NFC").trim().toLowerCase();
}

function initials(text: string): string {
  return Array.from(text, (char) => syllable(char)?.initial ?? char).join("");
}
