"""What `madang doctor` looks at of a search engine, if the index is in one."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from madang.adapters.catalogue import inspect_engine
from madang.adapters.engine_inspection import Inspection
from madang.cli.unsafe_settings import Finding
from madang.core.hosts import is_loopback
from madang.errors import SetupError


async def engine(url: str) -> list[Finding]:
    """Look at the engine of MADANG_SEARCH; nothing is found where that is none."""
    if url in ("off", "database:"):
        return []
    try:
        found = await inspect_engine(url)
    except SetupError as error:
        return [Finding("fail", error.problem, error.hint)]
    return list(_judged(found, url))


def _judged(found: Inspection, url: str) -> Iterator[Finding]:
    if found.blocked:
        yield Finding(
            "fail", f"{found.name} takes no writes: messages that are new there are not found by its index.",
            "Mostly its disk was full: make room, then it takes the block away, or you do (index.blocks.*).",
        )  # fmt: skip
    elif found.status == "red":
        yield Finding("fail", f"The cluster of {found.name} is red: parts of indices are missing.", "Look at its log.")
    else:
        yield Finding("ok", f"{found.name} answers.")
    for other in found.others:
        yield Finding(
            "warn", f"The index {other} there is of another version of Madang.",
            "Delete it there when no node of that version is left.",
        )  # fmt: skip
    where = urlsplit(url)
    if where.scheme.endswith("+http") and not is_loopback(where.hostname or ""):
        yield Finding("warn", f"{found.name} is told all messages without TLS.", "Use …+https:// in MADANG_SEARCH.")
