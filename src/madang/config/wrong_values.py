"""What is wrong with a value, in the words of this program. The library that finds it has words of its own."""

from typing import Any, Final

_KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "bool": "true or false",
    "string": "a text in quotes",
    "path": "a path in quotes",
    "list": 'a list: ["one", "two"]',
}
"""What a value must be, by how the library's name of the error begins (int_parsing, int_type, int_from_float)."""

SHOWN_CHARACTERS: Final = 60


def must_be(error: Any, *, shown: bool = True) -> str:
    """Return the end of a sentence that begins with a name: "must be 65535 or less, not 99999".

    Args:
        error: what pydantic's ValidationError says of it, one of its `errors()`.
        shown: whether the value may be repeated; a secret may not.
    """
    kind, context = error["type"], error.get("ctx", {})
    within = ".".join(part for part in error["loc"][1:] if isinstance(part, str))
    match kind:
        case "extra_forbidden":
            return f"does not know {within}"
        case "missing":
            return f"needs {within}"
        case "greater_than_equal":
            what = f"{context['ge']:g} or more"
        case "less_than_equal":
            what = f"{context['le']:g} or less"
        case "literal_error":
            what = context["expected"].replace("'", "")
        case "value_error":
            what = str(context["error"])
        case _:
            what = _KINDS.get(kind.partition("_")[0], "another value")
    value = repr(error["input"]) if isinstance(error["input"], str) else str(error["input"])
    return f"must be {what}{f' as {within}' if within else ''}" + (f", not {value[:SHOWN_CHARACTERS]}" if shown else "")
