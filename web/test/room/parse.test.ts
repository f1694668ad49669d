// Texts become blocks and nodes; whatever is in them, it stays text.

import { describe, expect, it } from "vitest";
import { firstLine, fold, isEmojiOnly, parse, tame } from "../../src/room/text/parse";

const text = (...nodes: unknown[]) => ({ kind: "text", nodes });

describe("blocks", () => {
  it("keeps lines", () => expect(parse("a\n\nb ")).toEqual([text("a\n\nb ")]));
  it("finds fenced code", () =>
    expect(parse("see\n```ts\nlet a = `b`;\n> c\n```\nend")).toEqual([
      text("see"),
      { kind: "code", text: "let a = `b`;\n> c", language: "ts" },
      text("end"),
    ]));
  it("leaves a fence that is not closed", () => expect(parse("```\na")).toEqual([text("```\na")]));
  it("finds quotes", () => expect(parse("> a\n> b\nc")).toEqual([{ kind: "quote", nodes: ["a\nb"] }, text("c")]));
  it("takes no face for a quote", () => expect(parse(">_<")).toEqual([text(">_<")]));
});

describe("code in a line", () => {
  it("is found", () => expect(parse("a `b` c")).toEqual([text("a ", { kind: "code", text: "b" }, " c")]));
  it("may have backticks", () => expect(parse("``a`b``")).toEqual([text({ kind: "code", text: "a`b" })]));
  it("ends in its line", () => expect(parse("a `b\nc`")).toEqual([text("a `b\nc`")]));
  it("has no links", () => expect(parse("`https://a.kr`")).toEqual([text({ kind: "code", text: "https://a.kr" })]));
  it("is not empty", () => expect(parse("``")).toEqual([text("``")]));
});

describe("the first line", () => {
  it.each([
    ["a `b` c\nd", "a b c"],
    ["```js\nlet a;\nb\n```\nc", "let a;"],
    ["> a\n> b\nc", "a"],
    ["\n\n  a\nb", "a"],
    ["`a", "`a"],
    ["", ""],
    ["\u202ea", "U+202Ea"],
  ])("of %j is %j", (text, line) => expect(firstLine(text)).toBe(line));
  it("is short, and of whole characters", () =>
    expect(firstLine(`${"a".repeat(199)}😀`)).toBe(`${"a".repeat(199)}\ufffd`));
});

describe("mentions", () => {
  const names = new Map([
    ["u1", "Mina"],
    ["u2", "Mina Kim"],
    ["u3", "민아"],
  ]);
  it("takes the longest name", () =>
    expect(parse("@Mina Kim, hi", names)).toEqual([text({ kind: "mention", text: "@Mina Kim", user: "u2" }, ", hi")]));
  it("may be followed by a particle", () =>
    expect(parse("@민아는", names)).toEqual([text({ kind: "mention", text: "@민아", user: "u3" }, "는")]));
  it("are of those who are mentioned", () => expect(parse("@Bora", names)).toEqual([text("@Bora")]));
});

// Whatever is sent is shown as the characters it has; the only thing that leads anywhere is a link, and that to http, https or mailto.
describe("the catalogue of attacks", () => {
  const deep = `${"> ".repeat(2000)}x`;
  it.each([
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "<svg/onload=alert(1)>",
    "&lt;b&gt; &amp; &#x3c;",
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    'https://a.kr/"onmouseover=alert(1)//',
    "https://a.kr/<script>",
    "[x](javascript:alert(1))",
    "`<b>`",
    "```html\n<script>alert(1)</script>\n```",
    "> <iframe src=javascript:alert(1)>",
    "{{constructor.constructor('alert(1)')()}}",
    "__proto__",
    deep,
    `${"`".repeat(3999)}x`,
    "https://a.kr/".repeat(300),
    "@".repeat(4000),
  ])("%.40j", (attack) => {
    const shown = parse(attack, new Map([["u1", "__proto__"]]));
    const nodes = shown.flatMap((block) => (block.kind === "code" ? [block.text] : block.nodes));
    const flat = nodes.map((node) => (typeof node === "string" ? node : node.text)).join("");
    for (const node of nodes) {
      if (typeof node !== "string" && node.kind === "link")
        expect(new URL(node.href).protocol).toMatch(/^(https?|mailto):$/);
    }
    if (!attack.includes("`") && !attack.startsWith(">")) expect(flat).toBe(attack);
  });
});

describe("characters that steer", () => {
  it("are shown", () =>
    expect(parse("a\u202Eb\u0000c\u009b")).toEqual([
      text("a", { kind: "control", text: "U+202E" }, "b", { kind: "control", text: "␀" }, "c", {
        kind: "control",
        text: "U+009B",
      }),
    ]));
  it("are not those that scripts need", () => expect(parse("👩‍👩‍👧 می‌خواهم")).toEqual([text("👩‍👩‍👧 می‌خواهم")]));
  it("cuts runs of marks", () => expect(tame(`a${"\u0301".repeat(10_000)}b`)).toBe(`a${"\u0301".repeat(8)}b`));
  it("replaces halves of characters", () => expect(tame("a\ud83db😀")).toBe("a\ufffdb😀"));
});

describe("folding", () => {
  const lines = (n: number) => Array.from({ length: n }, (_, i) => `line ${i}`);
  const count = (blocks: ReturnType<typeof parse>) =>
    blocks
      .map((block) =>
        block.kind === "code" ? block.text : block.nodes.map((n) => (typeof n === "string" ? n : n.text)).join(""),
      )
      .join("\n")
      .split("\n").length;
  it("keeps the first 20 of 100 lines", () => {
    const folded = fold(parse(lines(100).join("\n")), 20);
    expect(folded.lines).toBe(100);
    expect(count(folded.blocks)).toBe(20);
  });
  it("counts code, quotes and links", () => {
    const long = [
      "```",
      ...lines(10),
      "```",
      ...lines(5).map((line) => `> ${line}`),
      ...lines(10),
      "https://a.kr",
      "end",
    ].join("\n");
    const folded = fold(parse(long), 20);
    expect(folded.lines).toBe(27);
    expect(count(folded.blocks)).toBe(20);
  });
  it("leaves short texts whole", () => {
    const blocks = parse(lines(20).join("\n"));
    expect(fold(blocks, 20)).toEqual({ blocks, lines: 20 });
  });
});

describe("emoji alone", () => {
  it.each(["😀", "👍👍👍", "🇰🇷", "👩‍👩‍👧 ", "❤️"])("%s is large", (emoji) => expect(isEmojiOnly(emoji)).toBe(true));
  it.each(["", "a", "👍👍👍👍", "👍 yes", "1", "#"])("%j is not", (other) => expect(isEmojiOnly(other)).toBe(false));
});
