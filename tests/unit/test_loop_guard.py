"""The guard of tests/conftest.py catches code of madang that blocks the loop, and nothing else."""

import asyncio
import importlib
import tempfile
from typing import Any

import blockbuster
import pytest

import madang

BLOCKING = ["time.sleep", "os.fsync", "os.listdir", "os.mkdir"]


def call_in_madang(name: str, *args: object) -> None:
    """Call a function from code that belongs to madang, as far as a stack frame can tell."""
    module, function = name.split(".")
    names: dict[str, Any] = {"function": getattr(importlib.import_module(module), function), "args": args}
    exec(compile("function(*args)", f"{madang.__path__[0]}/pretend.py", "exec"), names)


@pytest.mark.parametrize("name", BLOCKING)
async def test_blocking_the_loop_fails(name: str) -> None:
    with pytest.raises(blockbuster.BlockingError, match=name):
        call_in_madang(name, 0)


async def test_a_thread_may_block() -> None:
    await asyncio.to_thread(call_in_madang, "time.sleep", 0)


def test_code_without_a_loop_may_block() -> None:
    call_in_madang("time.sleep", 0)


async def test_a_test_itself_may_block() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
