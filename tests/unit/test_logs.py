"""One line per event, whatever is in it; libraries are quiet; the form for machines is JSON."""

import json
import logging
from collections.abc import Iterator

import pytest

from madang import logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("form", ["console", "json"])
def test_one_line_per_event_with_nothing_for_the_terminal(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", form)
    logging.getLogger("madang.http").warning("%s failed", "GET /a\nb\x1b[2J\x9b마당")
    (line,) = lines(capsys)
    assert "마당" in line
    assert "madang.http" in line
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in line)


def test_a_line_for_machines_is_json_with_all_that_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", "json")
    try:
        raise ZeroDivisionError("what")
    except ZeroDivisionError as error:
        logging.getLogger("madang.x").error("it failed", exc_info=error, extra={"room": "lobby"})
    (line,) = lines(capsys)
    told = json.loads(line)
    assert (told["event"], told["level"], told["logger"], told["room"]) == ("it failed", "error", "madang.x", "lobby")
    assert told["exception"].endswith("ZeroDivisionError: what")
    assert told["timestamp"].endswith("Z")


def test_a_traceback_shows_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", "console")

    def keep(token: str) -> None:
        raise ZeroDivisionError

    try:
        keep("eyJ" + "secret")
    except ZeroDivisionError as error:
        logging.getLogger("madang.x").error("it failed", exc_info=error)
    text = capsys.readouterr().err
    assert "ZeroDivisionError" in text
    assert "eyJsecret" not in text


def test_below_the_level_and_from_libraries_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", "console")
    logging.getLogger("madang.x").debug("detail")
    for name in ("uvicorn.error", "alembic.runtime.migration", "asyncio", "websockets.server"):
        logging.getLogger(name).info("chatter")
    assert lines(capsys) == []
    logs.set_up("debug", "console")
    logging.getLogger("madang.x").debug("detail")
    assert len(lines(capsys)) == 1
