"""One spelling for what browsers send and what operators list."""

import pytest

from madang.config import Settings
from madang.core import hosts
from madang.transports.hosts import Hosts

SPELLINGS = [
    ("App.Example", "app.example"),
    ("app.example.", "app.example"),
    ("한국.kr", "xn--3e0b707e.kr"),
    ("BÜCHER.example", "xn--bcher-kva.example"),
    ("ｅｘａｍｐｌｅ.kr", "example.kr"),
    ("127.0.0.1", "127.0.0.1"),
    ("[0:0:0::1]", "[::1]"),
    ("[FE80::A]", "[fe80::a]"),
    ("[::ffff:1.2.3.4]", "[::ffff:102:304]"),
    ("my_host", "my_host"),
]
NO_HOSTS = [
    "", ".", "a..b", "-a.example", "*.example", "a b", "a/b", "a@b", "127.1", "0x7f.1", "256.0.0.1", "1.2.3.4.5", "[::1", "::1",
    "[fe80::1%eth0]", "[x]", "a" * 64 + ".example", "a." * 130, "\x00", "a\r\nb", "\u200b",
]  # fmt: skip


@pytest.mark.parametrize(("written", "spelt"), SPELLINGS)
def test_a_host_has_one_spelling(written: str, spelt: str) -> None:
    assert hosts.host(written) == spelt
    assert hosts.origin(f"HTTPS://{written}:443") == f"https://{spelt}"
    assert hosts.origin(f"http://{written}:80") == f"http://{spelt}"
    assert hosts.origin(f"https://{written}:80") == f"https://{spelt}:80"
    assert hosts.authority(f"{written}:8400") == (spelt, 8400)
    assert Settings(origins=[f"https://{written}"], hosts=[written]).origins == [f"https://{spelt}"]
    assert Hosts([written]).allows(f"{spelt}:8400")


@pytest.mark.parametrize("written", NO_HOSTS)
def test_what_no_browser_sends_is_no_host(written: str) -> None:
    assert hosts.host(written) is None
    assert hosts.origin(f"https://{written}") is None


@pytest.mark.parametrize(
    "written",
    ["null", "", "https:", "https://", "ftp://a.example", "a.example", "https://a.example/", "https://u@a.example",
     "https://a.example:0x50", "https://a.example:99999", "https://a.example:", "chrome-extension://abc", "*"],
)  # fmt: skip
def test_what_is_no_origin(written: str) -> None:
    assert hosts.origin(written) is None


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:8400", True),
        ("yard.localhost", True),
        ("127.0.0.1:8400", True),
        ("192.168.1.5:8400", True),
        ("[::1]:8400", True),
        ("[fe80::1]", True),
        ("chat.example", True),
        ("Chat.Example.:8400", True),
        ("", True),
        ("evil.example", False),
        ("evil.chat.example", False),
        ("chat.example.evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("127.0.0.1@evil.example", False),
        ("notlocalhost", False),
        ("chat.example:x", False),
        ("chat.example:99999", False),
        ("evil.example:127.0.0.1", False),
        ("[::1]evil.example", False),
    ],
)
def test_which_hosts_are_ours(header: str, allowed: bool) -> None:
    assert Hosts(["chat.example"]).allows(header) is allowed
    assert Hosts(["*"]).allows(header)


def test_judging_hosts_keeps_no_more_than_it_must() -> None:
    ours = Hosts()
    for n in range(10_000):
        assert not ours.allows(f"evil{n}.example")
    assert len(ours) <= 1_000
