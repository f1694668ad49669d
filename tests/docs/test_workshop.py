"""What guards the repository itself does: the checks of words and of commit messages, the hooks, the forge's workflow."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def check_words(path: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/check-words", path],
        cwd=path.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    found = done.stderr.splitlines()
    assert done.returncode == bool(found), done.stderr
    return found


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ('def f():\n    """Give the room."""\n', '"""Give'),  # words: meant
        ("# a user and\n# his rooms\n", "his"),  # words: meant
        ("It is kept for\never.\n", "for ever"),  # words: meant
        ("A user who is no member.", "is no"),  # words: meant
        ("One's own rooms.", "One's"),  # words: meant
        ("It waits. Who has left is told.", "Who has"),  # words: meant
        ("A sentence that is\n> no riddle.", "is > no"),
    ],
)
def test_a_phrase_is_found_also_over_the_end_of_a_line(text: str, phrase: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(text)
    (found,) = check_words(tmp_path / "page.md")
    assert f"“{phrase}”" in found


@pytest.mark.parametrize(
    "text",
    [
        'def f():\n    """Return the room."""\n',
        "There is no such room, and it is no longer asked for.",
        "Who is speaking? Whoever has a token.",
        "The phrase is quoted: for ever. <!-- words: meant",  # words: meant
        "`his` and he-said are names.",
    ],
)
def test_plain_english_passes(text: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(text)
    assert check_words(tmp_path / "page.md") == []


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        ("hub: Fill gaps from the log.\n\nWhy, at any length that it takes to say what the diff does not.\n", True),
        ("# a comment of git's\nhub: Fill gaps from the log.\n", True),
        (f"hub: F{'i' * 65}.", True),
        (f"hub: F{'i' * 66}.", False),
        ("Fill gaps from the log.", False),
        ("hub: fill gaps from the log.", False),
        ("hub: Fill gaps from the log", False),
        (f"fixup! hub: F{'i' * 80}.", True),
    ],
)
def test_the_subject_of_a_commit(message: str, passes: bool, tmp_path: Path) -> None:
    (tmp_path / "message").write_text(message)
    done = subprocess.run([ROOT / "scripts/check-commit-message", tmp_path / "message"], capture_output=True, text=True)
    assert (done.returncode == 0) == passes, done.stderr


def test_every_part_of_the_check_is_a_hook_and_no_hook_is_fetched() -> None:
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repo["repo"] == "local"
    commands = [shlex.split(hook["entry"]) for hook in repo["hooks"]]
    assert all((ROOT / program).stat().st_mode & 0o100 for program, *_ in commands)
    (parts,) = (line for line in (ROOT / "scripts/check").read_text().splitlines() if "PARTS=" in line)
    assert [part for _, *rest in commands for part in rest] == parts.partition("(")[2].rstrip(")").split()


def test_the_forge_runs_what_people_run_and_uploads_nothing() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert [step["uses"].partition("@")[0] for step in steps if "uses" in step] == ["actions/checkout"]


def test_the_development_container_can_be_read() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert "make setup ARGS=dev" in container["onCreateCommand"]
