// Finds in a message's text what is shown differently: code, quotes, links, mentions. Pure: no HTML string is made anywhere.

import { type Link, linkAt } from "./links";

export type Inline =
  | string
  | { kind: "code"; text: string }
  | ({ kind: "link" } & Link)
  | { kind: "mention"; text: string; user: string }
  | { kind: "control"; text: string };

export type Block =
  | { kind: "text"; nodes: Inline[] }
  | { kind: "quote"; nodes: Inline[] }
  | { kind: "code"; text: string; language: string };

const FENCE = /^```([\w+#.-]{0,20})[ \t]*$/;
const QUOTE = /^>(?: |$)/;
// What steers a terminal, or the direction of what follows. Tab and line feed are text.
const CONTROL = /[^\P{Cc}\t\n]|[\u202a-\u202e\u2066-\u2069]/u;
const MARKS = /(\p{M}{8})\p{M}+/gu;

/** Return text in which nothing reaches beyond its own line: runs of marks are cut, halves of characters replaced. */
export function tame(text: string): string {
  return text.replace(MARKS, "$1").replace(/\p{Surrogate}/gu, "\ufffd");
}

/** Return how a control character is shown. */
function picture(char: string): string {
  const code = char.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Return the blocks of a text.
 *
 * @param names user ids and names of those whom the message mentions, as far as they are known.
 */
export function parse(text: string, names: ReadonlyMap<string, string> = new Map()): Block[] {
  const mentions = [...names].sort((a, b) => b[1].length - a[1].length);
  const blocks: Block[] = [];
  const lines = tame(text).split("\n");
  let plain: string[] = [];
  const flush = () => {
    if (plain.length > 0) blocks.push({ kind: "text", nodes: inline(plain.join("\n"), mentions) });
    plain = [];
  };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const fence = FENCE.exec(line);
    const end = fence ? lines.indexOf("```", i + 1) : -1;
    if (fence && end > i) {
      flush();
      blocks.push({ kind: "code", text: lines.slice(i + 1, end).join("\n"), language: fence[1] ?? "" });
      i = end;
    } else if (QUOTE.test(line)) {
      flush();
      const quoted: string[] = [];
      for (; i < lines.length && QUOTE.test(lines[i] ?? ""); i++) quoted.push((lines[i] ?? "").slice(2));
      i--;
      blocks.push({ kind: "quote", nodes: inline(quoted.join("\n"), mentions) });
    } else {
      plain.push(line);
    }
  }
  flush();
  return blocks;
}

function inline(text: string, mentions: readonly [string, string][]): Inline[] {
  const nodes: Inline[] = [];
  let from = 0; // where the plain text began that has not been put out
  const put = (at: number, node: Inline, length: number) => {
    if (at > from) nodes.push(text.slice(from, at));
    nodes.push(node);
    from = at + length;
  };
  let at = 0;
  while (at < text.length) {
    const char = text[at] ?? "";
    if (char === "`") {
      const code = codeAt(text, at);
      if (code) put(at, { kind: "code", text: code.text }, code.length);
      else at += /`+/y.exec(text.slice(at))?.[0].length ?? 1;
    } else if (char === "h" || char === "H" || char === "m" || char === "M") {
      const link = linkAt(text, at);
      if (link) put(at, { kind: "link", ...link }, link.length);
      else at++;
    } else if (char === "@") {
      const found = mentions.find(([, name]) => text.startsWith(name, at + 1));
      if (found) put(at, { kind: "mention", text: `@${found[1]}`, user: found[0] }, found[1].length + 1);
      else at++;
    } else if (CONTROL.test(char)) {
      put(at, { kind: "control", text: picture(char) }, 1);
    } else {
      at++;
    }
    at = Math.max(at, from);
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}

/** Return the code span that begins at a backtick: up to as many backticks, on the same line. */
function codeAt(text: string, at: number): { text: string; length: number } | null {
  let ticks = 1;
  while (text[at + ticks] === "`") ticks++;
  const close = text.indexOf("`".repeat(ticks), at + ticks);
  const line = text.indexOf("\n", at);
  if (close < 0 || close === at + ticks || (line >= 0 && line < close)) return null;
  let end = close + ticks;
  while (text[end] === "`") end++; // a longer run closes, too, and its rest is code
  return { text: text.slice(at + ticks, end - ticks), length: end - at };
}

/** Return the first line of a text as it reads in one: without the signs around code and before quotes. */
export function firstLine(text: string): string {
  const [first] = parse(text.trimStart());
  const nodes = first?.kind === "code" ? [first.text] : (first?.nodes ?? []);
  const read = nodes.map((node) => (typeof node === "string" ? node : node.text)).join("");
  return tame(read.trimStart().split("\n", 1)[0]?.slice(0, 200) ?? "");
}

/** Return the first lines of blocks, and how many there are in all. */
export function fold(blocks: readonly Block[], keep: number): { blocks: Block[]; lines: number } {
  const kept: Block[] = [];
  let lines = 0;
  for (const block of blocks) {
    const room = keep - lines;
    if (block.kind === "code") {
      const own = block.text.split("\n");
      if (room > 0) kept.push({ ...block, text: own.slice(0, room).join("\n") });
      lines += own.length;
    } else {
      let own = 1;
      const nodes: Inline[] = [];
      for (const node of block.nodes) {
        if (typeof node !== "string") {
          if (own <= room) nodes.push(node);
          continue;
        }
        const parts = node.split("\n");
        const fitting = parts.slice(0, Math.max(0, room - own + 1)).join("\n");
        if (fitting) nodes.push(fitting);
        own += parts.length - 1;
      }
      if (room > 0) kept.push({ ...block, nodes });
      lines += own;
    }
  }
  return { blocks: kept, lines };
}

const segments = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Return whether a text is one to three emoji and nothing else, which are shown large. */
export function isEmojiOnly(text: string): boolean {
  if (text.length > 60) return false;
  const parts = [...segments.segment(text.trim())];
  return (
    parts.length > 0 &&
    parts.length <= 3 &&
    parts.every(({ segment }) => /^(?:\p{Extended_Pictographic}|\p{Regional_Indicator}{2})/u.test(segment))
  );
}
