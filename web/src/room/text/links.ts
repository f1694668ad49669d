// Where a link in a text begins and ends, where it leads and what of it is shown. Pure.
// Korean writes particles right after a word, so a link ends before Hangul that follows a letter, a digit or a closing bracket.

export interface Link {
  href: string;
  text: string;
  /** How much of the text it takes. */
  length: number;
}

const SCHEME = /(?:https?:\/\/|mailto:)/iy;
const BEFORE = /[a-z0-9]/i; // a scheme in the middle of a word is not one
const STOP = /[\s<>"`\p{Cc}\p{Cf}\p{Z}\u3000-\u303f\uff00-\uff0f\uff1a-\uff20]/u;
const HANGUL = /[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]/;
const GOES_ON = /[/=\-_#&+~%@$*]/; // after these Hangul is part of the address
const TRAILING = /[.,!?;:'"~*([{]/;
const MAIL = /^mailto:[\w.+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i;
const PAIRS: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

/** Return the link that begins here, if there is one that may be followed. */
export function linkAt(text: string, at: number): Link | null {
  SCHEME.lastIndex = at;
  const scheme = SCHEME.exec(text)?.[0];
  if (!scheme || BEFORE.test(text[at - 1] ?? "")) return null;
  const raw = text.slice(at, end(text, at, at + scheme.length));
  if (raw.length <= scheme.length) return null;
  if (scheme.toLowerCase() === "mailto:") {
    return MAIL.test(raw) ? { href: raw, text: raw.slice(scheme.length), length: raw.length } : null;
  }
  let url: URL;
  try {
    url = new URL(raw);
  } catch {
    return null;
  }
  // Who puts a name before the host wants to be taken for somebody else.
  if (!/^https?:$/.test(url.protocol) || !url.host || url.username || url.password || raw.includes("\\")) return null;
  const authority = /^[^/?#]*/.exec(raw.slice(scheme.length))?.[0] ?? "";
  return {
    href: url.href,
    text: `${url.protocol}//${url.host}${raw.slice(scheme.length + authority.length)}`,
    length: raw.length,
  };
}

function end(text: string, start: number, from: number): number {
  let at = from;
  let hangulHost = false;
  let inHost = true;
  for (; at < text.length; at++) {
    const char = text[at] ?? "";
    if (STOP.test(char)) break;
    if (/[/?#]/.test(char)) inHost = false;
    if (HANGUL.test(char)) {
      const before = text[at - 1] ?? "";
      const label = inHost && (at === from || (before === "." && hangulHost));
      const bracket = before === "(" && text[at - 2] === "_"; // the title of an article: 마당_(뜰)
      if (!HANGUL.test(before) && !GOES_ON.test(before) && !label && !bracket) break;
      if (inHost) hangulHost = true;
    }
  }
  for (; at > start; at--) {
    const last = text[at - 1] ?? "";
    const open = PAIRS[last];
    if (TRAILING.test(last)) continue;
    if (open && count(text, start, at, last) > count(text, start, at, open)) continue;
    break;
  }
  return at;
}

function count(text: string, from: number, to: number, char: string): number {
  let n = 0;
  for (let at = from; at < to; at++) if (text[at] === char) n++;
  return n;
}
