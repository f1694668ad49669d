"""A pid leads back to the session that it was made for, until its token would have ended, and nothing else is one."""

import time
from typing import Final

import pytest

from madang.core.actors import Actor
from madang.core.signing import Keyring, SigningKey, SigningKeys
from madang.errors import Refused
from madang.services.recovery import Recovery
from madang.services.tokens import Access, Tokens

NOW: Final = time.time()
OLD, NEW = SigningKey("0", b"s" * 32), SigningKey("1", b"o" * 32)
MINA: Final = Actor(id="u-mina", name="Mina", address="10.0.0.1")
ACCESS: Final = Access(MINA, "a token", NOW + 60, "0")


def ring(*keys: SigningKey) -> Keyring:
    return Keyring(SigningKeys("name", b"", keys), lambda: int(NOW * 1000))


def refused(recovery: Recovery, pid: str, now: float = NOW) -> bool:
    with pytest.raises(Refused) as refusal:
        recovery.read(pid, now, "10.0.0.2")
    return refusal.value.code == "bad_token"


def test_any_node_reads_a_pid_and_it_holds_no_token() -> None:
    pid = Recovery(ring(OLD)).make(ACCESS, "sid-1")
    sid, access = Recovery(ring(OLD)).read(pid, NOW, "10.0.0.2")
    assert sid == "sid-1"
    assert access == Access(Actor(id="u-mina", name="Mina", address="10.0.0.2"), "", NOW + 60, "0")


def test_a_pid_ends_when_its_token_does() -> None:
    recovery = Recovery(ring(OLD))
    pid = recovery.make(ACCESS, "sid-1")
    recovery.read(pid, ACCESS.until - 1, "10.0.0.2")
    assert refused(recovery, pid, ACCESS.until)


def test_a_pid_is_read_as_long_as_its_key_is_there() -> None:
    pid = Recovery(ring(OLD)).make(ACCESS, "sid-1")
    Recovery(ring(NEW, OLD)).read(pid, NOW, "10.0.0.2")
    assert refused(Recovery(ring(NEW)), pid)


def test_nothing_else_is_a_pid() -> None:
    recovery = Recovery(ring(OLD))
    pid = recovery.make(ACCESS, "sid-1")
    head, claims, signature = pid.split(".")
    others = Recovery(ring(SigningKey("0", NEW.secret))).make(ACCESS, "sid-1")
    token = Tokens(ring(OLD)).sign(MINA, NOW).token
    for wrong in ("", "sid-1", token, others, pid + "A", f"{head}.{claims}.", f"{head}.{claims[:-4]}.{signature}"):
        assert refused(recovery, wrong), wrong


def test_a_pid_is_no_token() -> None:
    pid = Recovery(ring(OLD)).make(ACCESS, "sid-1")
    with pytest.raises(Refused):
        Tokens(ring(OLD)).read(pid, NOW, "10.0.0.2")
