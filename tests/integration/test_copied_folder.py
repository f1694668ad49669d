"""A copy of a data folder has the note of the original's server in it, and is not administered through that."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from madang.cli.admin_client import NOTE, is_copied
from tests.running import Server, madang, running_server

FREE = ("--port", "0", "--admin-port", "0")


@pytest.fixture
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("original")) as server:
        yield server


async def test_a_command_for_a_copy_is_not_carried_out_by_the_original(server: Server, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(server.data, copy)
    assert (await madang("key", "create", "Shop", "--data", copy)).status == 0
    assert "Shop" in (await madang("key", "list", "--data", copy)).out
    assert "Shop" not in (await madang("key", "list", "--data", server.data)).out


async def test_doctor_says_that_a_folder_is_a_copy(server: Server, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(server.data, copy)
    done = await madang("doctor", "--data", copy, *FREE)
    assert done.status == 0, done
    assert f"{copy} is a copy: {NOTE} in it leads to the server of another folder." in done.out
    assert "A server runs" not in done.out
    original = await madang("doctor", "--data", server.data, *FREE)
    assert "A server runs" in original.out and "copy" not in original.out


async def test_a_copy_is_told_by_the_folder_and_not_by_its_name(server: Server, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(server.data)
    assert not await asyncio.to_thread(is_copied, tmp_path / "link")
    assert "A server runs" in (await madang("doctor", "--data", tmp_path / "link", *FREE)).out
    assert not await asyncio.to_thread(is_copied, tmp_path), "where no note is"
    for content in ("", "[]", "{}", '{"folder": 1}', "\0"):
        (tmp_path / NOTE).write_text(content)
        assert (await madang("doctor", "--data", tmp_path, *FREE)).status == 0
