"""Passwords that are none, and floods of them (rows 67, 68): refused in time, and kept to oneself."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from madang.core.rate import Rate
from madang.services.limits import Rates
from madang.testing.rules import new
from tests.neighbour import chatting
from tests.rest import Rest, rest
from tests.running import Server, running_server
from tests.wire import dialled

PASSWORD = "correct horse"
RATES = Rates()
LOGIN, SIGN_UP, CHANGE = ("POST", "/api/sessions"), ("POST", "/api/accounts"), ("PUT", "/api/me/password")


@pytest.fixture
async def anyone(server: Server) -> AsyncIterator[Rest]:
    async with rest(server.url) as client:
        yield client


def body(route: tuple[str, str], password: Any) -> dict[str, Any]:
    more = {LOGIN: {"login": "odd"}, SIGN_UP: {"login": "odd", "name": "Odd"}, CHANGE: {"current": PASSWORD}}[route]
    return {**more, "password": password}


async def with_account(anyone: Rest) -> Rest:
    """A client of a new user with an account."""
    made = {"login": new("login"), "name": "Mina", "password": PASSWORD}
    return anyone.server((await anyone.ok("POST", "/api/accounts", made))["token"])


ODD: dict[str, tuple[str, set[str]]] = {
    "NUL": ('"with\\u0000nul inside"', {"bad_text"}),
    "half a character": ('"half \\ud800 a character"', {"bad_text"}),
    "a control character": ('"line\\nfeed inside"', {"bad_password"}),
    "no Unicode of today": ('"\U000e0fff unassigned"', {"bad_password"}),
    "nothing": ('""', {"bad_password"}),
    "a number": ("12345678", {"bad_field"}),
    "an object": ('{"$ne":null}', {"bad_field"}),
    "a list": ('["correct horse"]', {"bad_field"}),
    "null": ("null", {"bad_field"}),
    "257 characters": (json.dumps("abcd" * 65), {"bad_password"}),
    "2,000 characters": (json.dumps("abcd" * 500), {"bad_field"}),
    "20 KB": (json.dumps("abcd" * 5_000), {"too_big"}),
}


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("route", [LOGIN, SIGN_UP, CHANGE], ids=lambda route: str(route[1]))
async def test_odd_passwords(server: Server, route: tuple[str, str], what: str) -> None:  # row 67
    text, codes = ODD[what]
    async with chatting(server), rest(server.url) as anyone:  # one that is too large ends its connection
        asking = anyone if route != CHANGE else await with_account(anyone)
        written = json.dumps(body(route, "PLACE"), ensure_ascii=False).replace('"PLACE"', text)
        method, path = route
        assert await asking.refused(method, path, content=written.encode("utf-8", "surrogatepass")) in codes
    assert len(text) < 9 or text[1:9] not in server.log.read_text()


@pytest.mark.parametrize("route", [LOGIN, SIGN_UP], ids=lambda route: str(route[1]))
async def test_a_password_of_ten_megabytes(server: Server, route: tuple[str, str]) -> None:  # row 67
    """Refused by its length, before it has come."""
    head = f"POST {route[1]} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n\r\n"
    async with chatting(server), dialled(server.port) as raw:
        await raw.send(head.encode() + b'{"login":"mina","password":"')
        assert await raw.status() == 413


async def test_a_password_in_another_spelling_of_unicode(tmp_path: Path) -> None:  # row 67
    """A keyboard that writes é as two characters writes the same password."""
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        await anyone.ok("POST", "/api/accounts", {"login": "mina", "name": "Mina", "password": "cafe\u0301 au lait"})
        await anyone.ok("POST", "/api/sessions", {"login": "MINA", "password": "caf\u00e9\u00a0au\u3000lait"})
        other = {"login": "mina", "password": "cafe au lait"}
        assert await anyone.refused("POST", "/api/sessions", other) == "wrong_password"


async def test_a_password_in_the_url_is_neither_read_nor_logged(server: Server, anyone: Rest) -> None:  # row 67
    secret = "in-the-address-1234"
    for method, path in (LOGIN, SIGN_UP, CHANGE):
        asked = f"{path}?password={secret}&login=mina"
        assert await anyone.refused(method, asked, {"login": "mina", "password": PASSWORD}) == "bad_field"
    assert secret not in server.log.read_text()


async def test_a_flood_of_sign_ins_waits(tmp_path: Path) -> None:  # row 68
    """Of one login and of many; whoever has the login is let in from elsewhere, and others talk on."""
    settings = {"trusted_proxies": '["127.0.0.1"]'}
    async with running_server(tmp_path, settings=settings) as server, rest(server.url) as anyone:
        home = {"X-Forwarded-For": "10.0.0.1"}
        await anyone.ok("POST", "/api/accounts", {"login": "mina", "name": "Mina", "password": PASSWORD}, headers=home)
        good = {"login": "mina", "password": PASSWORD}
        await anyone.ok("POST", "/api/sessions", good, headers=home)
        codes: Counter[str] = Counter()
        began = time.monotonic()

        def at_most(rate: Rate) -> float:
            """Return how many a rate has let through by now."""
            return rate.burst + (time.monotonic() - began) * rate.per_second + 1

        async def attack(n: int, login: str, address: str) -> None:
            wrong = {"login": login, "password": f"wrong password {n}"}
            codes[await anyone.refused("POST", "/api/sessions", wrong, headers={"X-Forwarded-For": address})] += 1

        async with chatting(server, 3):
            await asyncio.gather(*(attack(n, "mina", "10.0.0.2") for n in range(60)))
            assert set(codes) == {"wrong_password", "rate_limited"}
            assert codes["wrong_password"] <= at_most(RATES.logins_per_address)
            codes.clear()
            await asyncio.gather(*(attack(n, "mina", f"10.0.1.{n}") for n in range(60)))
            assert codes["wrong_password"] <= at_most(RATES.logins)
            await anyone.ok("POST", "/api/sessions", good, headers=home)
            codes.clear()
            await asyncio.gather(*(attack(n, f"login-{n}", "10.0.0.3") for n in range(150)))
            assert codes["wrong_password"] <= at_most(RATES.sign_ins)
            assert codes["rate_limited"]
            assert set(codes) <= {"wrong_password", "rate_limited", "overloaded"}
        log = server.log.read_text()
        assert "wrong password" not in log and "10.0.0.2" not in log


async def test_more_sign_ins_at_once_than_may_wait(tmp_path: Path) -> None:  # row 68
    async with running_server(tmp_path, "--load-test") as server, rest(server.url) as anyone:
        wrong = {"login": "nobody", "password": "wrong password"}
        async with chatting(server, 3):
            codes = Counter(await asyncio.gather(*(anyone.refused(*LOGIN, wrong) for _ in range(150))))
        assert set(codes) == {"wrong_password", "overloaded"}


async def test_an_unknown_login_costs_a_hash_as_a_wrong_password_does(tmp_path: Path) -> None:  # row 68
    """That this hash costs what any does is in `unit/services/test_passwords.py`."""
    async with running_server(tmp_path, "--load-test") as server, rest(server.url) as anyone:

        async def hashed() -> float:
            found = await anyone.http.get(f"{server.admin_url}/metrics")
            return float(found.text.split("\nmadang_passwords_hashed_total ")[1].split()[0])

        await anyone.ok("POST", "/api/accounts", {"login": "mina", "name": "Mina", "password": PASSWORD})
        answers = []
        for login in ("mina", "nobody"):
            before = await hashed()
            answer = await anyone.call(*LOGIN, {"login": login, "password": "wrong password"})
            answers.append((answer.status_code, answer.text, await hashed() - before))
        assert answers[0] == answers[1]
        assert answers[0][2] == 1
