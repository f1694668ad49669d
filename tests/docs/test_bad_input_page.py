"""docs/reference/bad-input.md names what is tested, and nothing else: every row has its tests, and every advisory its own."""

import re
from pathlib import Path

from madang.codes import CLOSES, ERRORS
from tests.integration.bad_input import catalogue
from tests.integration.bad_input.catalogue import ADVISORIES, GROUPS, NOT_YET, OFFERS_NOTHING, OTHER_CAUSES
from tests.integration.bad_input.commands import COMMANDS, NAMES
from tests.integration.bad_input.frames import FRAMES
from tests.integration.bad_input.handshakes import HANDSHAKES
from tests.integration.bad_input.requests import REQUESTS

FOLDER = Path(__file__).resolve().parents[1] / "integration/bad_input"
TESTS = "".join(path.read_text() for path in sorted(FOLDER.glob("test_*.py")))
ROWS = [row for rows in GROUPS.values() for row in rows]
LATER = [number for numbers in NOT_YET.values() for number in numbers]


def test_all_rows_are_spoken_of_once() -> None:
    assert sorted([*(row.number for row in ROWS), *OFFERS_NOTHING, *LATER]) == list(range(1, 77))


def test_every_published_code_has_a_row_or_another_cause() -> None:
    answered = {code for row in ROWS for code in catalogue.codes(row)}
    others = [code for codes in OTHER_CAUSES.values() for code in codes]
    assert len(set(others)) == len(others)
    assert answered.isdisjoint(others)
    assert {*ERRORS, *CLOSES} <= answered | set(others)


def test_every_case_belongs_to_a_row() -> None:
    numbers = {row.number for row in ROWS}
    assert {number for number, *_ in [*FRAMES, *COMMANDS, *HANDSHAKES, *REQUESTS, *NAMES]} <= numbers


def test_every_row_has_cases_and_its_tests_exist() -> None:
    functions = set(re.findall(r"def (test_\w+)\(", TESTS))
    for row in ROWS:
        assert catalogue.count(row), row
        assert set(row.tests) <= functions, row


def test_every_advisory_is_named_by_its_test() -> None:
    for advisory in ADVISORIES:
        if not advisory.test:
            assert "yet" in advisory.here
            continue
        before = TESTS.partition(f"def {advisory.test}(")[0]
        assert advisory.id in before[before.rindex("\n\n\n") :], advisory
