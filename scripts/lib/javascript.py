"""What `scripts/generate` makes of and for the JavaScript SDK: its codes, and the page of its API."""

import re

PAGE_HEAD = """\
# The JavaScript SDK's API

<!-- Made by scripts/generate from sdk/js/src: edit the comments there. -->

Everything that `madang` exports, and `madang/papers` for papers.
How to use it: [JavaScript](../guides/javascript.md). What goes over the wire: [PROTOCOL.md](../../protocol/PROTOCOL.md).

"""
_DOC = r"(?:/\*\*(?P<doc>(?:(?!\*/).)*)\*/\n(?:[ ]*//[^\n]*\n)*[ ]*)?"
_EXPORT = re.compile(
    rf"^{_DOC}export (?P<kind>interface|type|class|function) (?P<name>\w+)(?P<rest>.*?)(?=^(?:/\*\*|export |const |class |//)|\Z)",
    re.S | re.M,
)
_MEMBER = re.compile(rf"^  {_DOC}(?P<code>(?!//|\*|/\*|\}})\S.*?[;{{])$(?=\n(?:  \S|\n|\}}|\Z))", re.S | re.M)
_ALL_PUBLIC = ("errors.ts", "types/client.ts", "types/room.ts", "types/items.ts", "types/people.ts", "types/papers.ts")
_SOURCES = ("index.ts", "indexeddb.ts", "sends.ts", "papers.ts", *_ALL_PUBLIC)
_PUBLIC_FUNCTIONS = {"connect", "indexedDBOutbox", "memoryOutbox", "papers"}


def codes(codes: dict) -> str:
    """Return sdk/js/src/codes.ts."""
    out = [
        "// What a client does about error and close codes. Made by `scripts/generate` from protocol/codes.toml: edit that file.\n\n"
    ]
    out.append("/** The error codes of the protocol. */\nexport type ErrorCode =\n")
    out.append("\n".join(f'  | "{name}"' for name in codes["error"]) + ";\n\n")
    out.append('/** What is done about an error: see PROTOCOL.md, "What to do about a refusal". */\n')
    thens = dict.fromkeys(c["then"] for c in codes["error"].values())
    out.append("export type Then = " + " | ".join(f'"{then}"' for then in thens) + ";\n\n")
    out.append(
        '/** What a client does about a code: of one that is not here, "wait" if the error has a `retry_ms`, and else "tell". */\n'
    )
    out.append("export const ERRORS: Readonly<Record<string, Then>> = {\n")
    listed = {name: c["then"] for name, c in codes["error"].items() if c["then"] != "tell" or "retry_ms" in c["do"]}
    out += [f'  {name}: "{then}",\n' for name, then in listed.items()]
    out.append("};\n\n/** Whether to connect again after a close; after one that is not listed: yes. */\n")
    out.append('export const CLOSES: Readonly<Record<number, "later" | "never">> = {\n')
    out += [f'  {number}: "{c["reconnect"]}",\n' for number, c in codes["close"].items() if c["reconnect"] != "resume"]
    return "".join([*out, "};\n"])


def page(sources: dict[str, str]) -> str:
    """Return docs/reference/javascript.md, from the sources by their names."""
    out = [PAGE_HEAD]
    for source in _SOURCES:
        for found in _EXPORT.finditer(sources[source]):
            if source not in _ALL_PUBLIC and found["name"] not in _PUBLIC_FUNCTIONS:
                continue
            if found["doc"] is None:
                raise ValueError(f"{source}: {found['name']} is exported without a comment")
            out.append(_section(found))
    return "".join(out).rstrip() + "\n"


def _section(found: re.Match[str]) -> str:
    name, rest = found["name"], found["rest"]
    section = f"## {name}\n\n{_text(found['doc'])}\n\n"
    if found["kind"] == "function":
        return section + f"`{name}{_line(rest.partition(' {' + chr(10))[0])}`\n\n"
    if found["kind"] == "type":
        return section + f"`{_line(rest).lstrip('=| ').rstrip(';')}`\n\n"
    head, _, body = rest.partition("{")
    if "extends" in head:
        section += f"Has all of {head.split('extends')[1].strip()}, and:\n\n"
    rows = []
    for member in _MEMBER.finditer(body):
        code = _line(member["code"])
        if re.match(r"(override|#|constructor)", code) and "name" in code:
            continue
        code = code.partition(" { ")[0] if code.startswith("constructor") else code
        code = code.removesuffix("{").strip().removesuffix(";").replace("readonly ", "").replace("|", "\\|")
        rows.append(f"| `{code}` | {_text(member['doc'] or '').replace('|', chr(92) + '|')} |\n")
    return section + ("| | |\n|---|---|\n" + "".join(rows) + "\n" if rows else "")


def _text(doc: str) -> str:
    """Return a comment's words; its parts stay apart."""
    lines = [re.sub(r"^\s*\* ?", "", line).strip() for line in doc.strip().splitlines()]
    text = "\n".join(lines)
    text = re.sub(r"@param (\w+) - ", r"- `\1`: ", text)
    return re.sub(r"\n(?![\n-])", " ", text).replace(" \n", "\n").strip()


def _line(code: str) -> str:
    """Return code on one line."""
    code = re.sub(r"/\*\*.*?\*/|//[^\n]*", " ", code, flags=re.S)
    return re.sub(r"\s+", " ", code).strip()
