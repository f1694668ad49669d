"""The examples of docs/guides/rest.md run in order against a server and print what the page shows; the reference is complete."""

import asyncio
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tests.daemons import missing
from tests.rest import rest
from tests.running import running_server

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/guides/rest.md").read_text()
REFERENCE = (ROOT / "docs/reference/rest.md").read_text()
END = "=== end of an example ==="


class Example(NamedTuple):
    """Commands, and the JSON that they print; "…" in it stands for anything."""

    commands: str
    printed: Any


EXAMPLES = [
    Example(commands, json.loads(printed))
    for commands, printed in re.findall(r"^```sh\n(.*?)^```\n```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
]


def agrees(shown: Any, printed: Any) -> bool:
    """Whether what was printed is what the page shows."""
    if isinstance(shown, dict):
        return (
            isinstance(printed, dict)
            and list(shown) == list(printed)
            and all(agrees(shown[k], printed[k]) for k in shown)
        )
    if isinstance(shown, list):
        return len(shown) == len(printed) and all(map(agrees, shown, printed))
    if isinstance(shown, str) and "…" in shown:
        return re.fullmatch(".+".join(map(re.escape, shown.split("…"))), printed) is not None
    return bool(shown == printed)


async def test_the_examples_print_what_the_page_shows(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        missing("curl is not installed; run scripts/install-servers as root (apt-get install curl)")
    assert len(EXAMPLES) == PAGE.count("```sh") > 5
    (data := tmp_path / "data").mkdir()
    async with running_server(data) as server:
        script = f"\necho; echo '{END}'\n".join(example.commands for example in EXAMPLES)
        here = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "MADANG_DATA": str(data)}
        process = await asyncio.create_subprocess_exec(
            "bash", "-euo", "pipefail", "-c", script.replace("localhost:8400", f"127.0.0.1:{server.port}"),
            cwd=tmp_path, env=os.environ | here, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        assert process.returncode == 0, server.log.read_text()
    printed = [json.loads(text) for text in out.decode().split(END)]
    for example, found in zip(EXAMPLES, printed, strict=True):
        assert agrees(example.printed, found), (example.commands, found)


async def test_the_table_names_every_endpoint(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        document = anyone.document
    table = re.findall(r"`([A-Z]+) ([^`]+)`", REFERENCE)
    named = {(method.lower(), path.replace("…", "/api/rooms/{id}")) for method, path in table}
    assert named == {(method, path) for path, operations in document["paths"].items() for method in operations}
