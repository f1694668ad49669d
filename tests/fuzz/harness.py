"""What harnesses share: coverage of madang while fuzzing, the corpus, and running atheris."""

import contextlib
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CRASHES = HERE / "crashes"
CONVERSATIONS = HERE.parents[1] / "protocol" / "conversations"


def instrumented() -> contextlib.AbstractContextManager[Any]:
    """Around imports of madang: let atheris see their branches, if this process is there for fuzzing."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None or not spec.name.startswith("tests.fuzz."):
        return contextlib.nullcontext()
    import atheris

    return atheris.instrument_imports(include=["madang"])


def said(by: str) -> list[bytes]:
    """Return every frame of the recorded conversations that clients said ("sends") or were told ("gets")."""
    found: dict[bytes, None] = {}
    for file in sorted(CONVERSATIONS.glob("*.json")):
        for step in json.loads(file.read_bytes())["steps"]:
            if step[1] == by and isinstance(step[2], dict):
                text = json.dumps(step[2], ensure_ascii=False)
                text = re.sub(r"<(?:room|user):(\w+)>", r"\1", text)
                found[re.sub(r'"<(?:seq|int)[^"]*>"', "1", text).encode()] = None
    return list(found)


def kept(name: str) -> Iterator[Path]:
    """Return the inputs that a harness has failed on before."""
    yield from sorted(CRASHES.glob(f"{name}-*"))


def run(name: str, one: Callable[[bytes], None], seeds: Sequence[bytes]) -> None:
    """Fuzz until a limit of the command line is reached, or something fails; the input is then kept."""
    import atheris

    CRASHES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for n, seed in enumerate(seeds):
            (Path(corpus) / f"seed-{n}").write_bytes(seed)
        for file in kept(name):
            (Path(corpus) / file.name).write_bytes(file.read_bytes())
        known = [f"-artifact_prefix={CRASHES}/{name}-", "-max_len=4096", "-rss_limit_mb=1024", "-timeout=10"]
        atheris.Setup([sys.argv[0], *known, *sys.argv[1:], corpus], one)
        atheris.Fuzz()
