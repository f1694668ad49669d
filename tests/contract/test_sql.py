"""The SQL adapter keeps the contracts of log, directory and leases, on every database."""

from madang.testing import check_directory, check_leases, check_log
from tests.contract.conftest import Open


async def test_log(open_sql: Open, url: str) -> None:
    await check_log(open_sql, shared=not url.startswith("sqlite"))


async def test_directory(open_sql: Open) -> None:
    await check_directory(open_sql)


async def test_leases(open_sql: Open) -> None:
    await check_leases(open_sql)
