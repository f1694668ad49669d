"""A listener is bound at the start, or the sentence says why not; nothing is left open behind a failure."""

import gc
import os
import socket

import pytest

from madang.errors import SetupError
from madang.node.listening import listen


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_listener_that_cannot_be_bound_is_closed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        gc.collect()
        before = descriptors()
        errors = []  # kept, with their frames
        for host, number in (("127.0.0.1", port), ("192.0.2.1", 0), ("127.0.0.1", 70_000)):
            with pytest.raises(SetupError) as error:
                listen(host, number, "--port")
            errors.append(error)
        assert descriptors() == before


def test_a_listener_that_is_bound_stays_open() -> None:
    with listen("127.0.0.1", 0, "--port") as listener:
        assert listener.getsockname()[1] > 0
        listener.listen()
