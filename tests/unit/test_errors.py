"""What the errors of the system and of libraries are called when people read them."""

import asyncio
import errno
import socket
import ssl
from pathlib import Path

import pytest

from madang.errors import plain_reason


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(OSError) as refused:
        Path("/nowhere/at-all").read_text()
    assert plain_reason(refused.value) == "No such file or directory"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_port_at_which_nobody_listens(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(OSError) as refused:
        await asyncio.open_connection(host, port)
    assert "Errno" not in plain_reason(refused.value)
    assert "Connection refused" in plain_reason(refused.value)


def test_all_addresses_of_a_name_are_named_once_each() -> None:
    several = OSError(
        "Multiple exceptions: [Errno 111] Connect call failed ('::1', 9), [Errno 111] Connect call failed ('127.0.0.1', 9)"
    )
    assert plain_reason(several) == "Connection refused"


def test_a_name_that_nobody_knows() -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    assert plain_reason(unknown) == "Name or service not known"


def test_tls_that_does_not_come_about() -> None:
    client = ssl.create_default_context().wrap_bio(bytes_in := ssl.MemoryBIO(), ssl.MemoryBIO())
    bytes_in.write(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(ssl.SSLError) as refused:
        client.do_handshake()
    assert plain_reason(refused.value) == "TLS: wrong version number"


def test_an_error_that_says_nothing_is_named() -> None:
    assert plain_reason(TimeoutError()) == "TimeoutError"
    assert plain_reason(OSError(errno.ENOSPC, "No space left on device")) == "No space left on device"
