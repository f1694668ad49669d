"""What the load does with refusals, against a client whose answers are given."""

import asyncio

import pytest

from madang_proof.load import crowd, frames
from madang_proof.load.command import Command
from madang_proof.load.crowd import LoadRefused, ask


class Answering:
    """A client that answers what it is asked with one frame after the other."""

    def __init__(self, *answers: frames.Frame) -> None:
        self.answers = list(answers)

    def send(self, command: Command) -> None:
        assert command.done is not None
        asyncio.get_running_loop().call_soon(command.done, command, self.answers.pop(0))


def refusal(code: str) -> frames.Frame:
    return frames.Frame(op="error", code=code, retry_ms=1)


OK = frames.Frame(op="ok")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "AGAIN_MS", 1)


async def test_who_is_told_to_wait_asks_again() -> None:
    client = Answering(refusal("rate_limited"), refusal("overloaded"), OK)
    assert await ask(client, Command(op="rooms")) is OK  # type: ignore[arg-type]
    assert client.answers == []


async def test_what_is_refused_for_good_is_not_asked_again() -> None:
    client = Answering(refusal("forbidden"), OK)
    with pytest.raises(LoadRefused, match="rooms: forbidden"):
        await ask(client, Command(op="rooms"))  # type: ignore[arg-type]
    assert client.answers == [OK]


async def test_a_server_that_stays_too_busy_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "BUSY_S", 0.0)
    with pytest.raises(LoadRefused, match="rooms: rate_limited"):
        await ask(Answering(refusal("rate_limited")), Command(op="rooms"))  # type: ignore[arg-type]
