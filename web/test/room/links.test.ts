// Where links begin and end, and which are none.

import { describe, expect, it } from "vitest";
import { linkAt } from "../../src/room/text/links";

const found = (text: string, at = text.search(/https?:|mailto:/i)) => {
  const link = linkAt(text, at);
  return link && text.slice(at, at + link.length);
};

describe("Hangul beside a link", () => {
  it.each([
    ["https://a.kr/b에서 봐요", "https://a.kr/b"],
    ["https://a.kr에서", "https://a.kr"],
    ["https://a.kr/1의", "https://a.kr/1"],
    ["https://a.kr/b)를", "https://a.kr/b"],
    ["https://ko.wikipedia.org/wiki/마당", "https://ko.wikipedia.org/wiki/마당"],
    ["https://a.kr/w/마당_(뜰)을", "https://a.kr/w/마당_(뜰)"],
    ["https://a.kr/b(링크)", "https://a.kr/b"],
    ["https://a.kr(링크)", "https://a.kr"],
    ["https://a.kr/?q=마당&r=뜰", "https://a.kr/?q=마당&r=뜰"],
    ["https://a.kr/new-마당", "https://a.kr/new-마당"],
    ["https://a.kr/b.그리고", "https://a.kr/b"],
    ["보기https://a.kr/b", "https://a.kr/b"],
    ["https://마당.한국/길", "https://마당.한국/길"],
  ])("%s", (text, link) => expect(found(text)).toBe(link));
});

describe("what follows a link", () => {
  it.each([
    ["See https://a.kr/b.", "https://a.kr/b"],
    ["(https://a.kr/b)", "https://a.kr/b"],
    ["(https://a.kr/b).", "https://a.kr/b"],
    ["https://a.kr/b_(c)", "https://a.kr/b_(c)"],
    ["https://a.kr/b_(c))", "https://a.kr/b_(c)"],
    ["https://a.kr/b?!", "https://a.kr/b"],
    ["<https://a.kr/b>", "https://a.kr/b"],
    ['"https://a.kr/b"', "https://a.kr/b"],
    ["https://a.kr/b\nhttps://c.kr", "https://a.kr/b"],
    ["https://a.jp/b。次", "https://a.jp/b"],
  ])("%s", (text, link) => expect(found(text)).toBe(link));
});

describe("what is not followed", () => {
  it.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "xhttps://a.kr",
    "https://",
    "https://user@a.kr/",
    "https://google.com:x@a.kr/",
    "https://a.kr\\@b.kr",
    "http:///",
    "mailto:",
    "mailto:a",
    "mailto:a@b.kr?body=x&bcc=c@d.kr",
  ])("%j", (text) => {
    for (let at = 0; at < text.length; at++)
      expect(linkAt(text, at)?.href ?? "").not.toMatch(/^(?!https?:|mailto:[^?]*$).+|@a\.kr/);
    expect(linkAt(text, 0)).toBeNull();
  });
});

it("shows the host that is gone to", () => {
  expect(linkAt("https://аpple.com/x", 0)).toMatchObject({ text: "https://xn--pple-43d.com/x" });
  expect(linkAt("HTTPS://A.KR/B", 0)).toMatchObject({ text: "https://a.kr/B", href: "https://a.kr/B" });
  expect(linkAt("https://a.kr/\u202Egpj.exe", 0)).toMatchObject({ text: "https://a.kr/" });
  expect(linkAt("https://a。kr/", 0)).toMatchObject({ href: "https://a/" });
});

it("links a mail address", () => {
  expect(linkAt("mailto:mina@a.kr로", 0)).toEqual({ href: "mailto:mina@a.kr", text: "mina@a.kr", length: 16 });
});
