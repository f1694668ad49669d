"""docs/guides/javascript.md "In one minute", done by its own words: the package is made, installed in an empty folder, and says hello."""

import asyncio
import re
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.running import running_server

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/guides/javascript.md").read_text()
NODE = ROOT / ".venv/lib/nodejs/bin/node"
NPM = NODE.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
PATIENCE_S = 60.0


async def run(folder: Path, *command: str | Path) -> None:
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=PIPE, stderr=asyncio.subprocess.STDOUT)
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@pytest.mark.slow
async def test_the_first_minute_is_as_the_guide_says(tmp_path: Path) -> None:
    minute = GUIDE.partition("## In one minute")[2].partition("\n## ")[0]
    make, install = re.findall(r"^(.*npm .*?)(?:  +#.*)?$", minute, re.MULTILINE)[:2]
    (program,) = re.findall(r"```js\n(.*?)```", minute, re.DOTALL)
    (file,) = re.findall(r"`node (\S+)`", minute)
    project, data = tmp_path / "project", tmp_path / "data"
    project.mkdir()
    data.mkdir()
    await run(ROOT, *make.split(), "--pack-destination", tmp_path)
    archive = install.split("/path/to/")[1]
    await run(
        project,
        NODE,
        NPM,
        *install.replace("/path/to/", f"{tmp_path}/").split()[1:],
        "--offline",
        "--no-audit",
        "--cache",
        tmp_path,
    )
    assert (tmp_path / archive).exists()
    async with running_server(data) as server, asyncio.timeout(PATIENCE_S):
        (project / file).write_text(program.replace("http://localhost:8400", server.url))
        process = await asyncio.create_subprocess_exec(NODE, file, cwd=project, stdout=PIPE)
        try:
            assert process.stdout is not None
            while (line := await process.stdout.readline()) != b"message.sent Hello\n":
                assert line, "it has ended"
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
