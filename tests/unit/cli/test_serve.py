"""What `madang serve` says can be typed as it is."""

from pathlib import Path

import pytest

from madang.cli import serve


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A `madang` that the shell could find in its folder."""
    path = tmp_path / "bin" / "madang"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_in_a_checkout_the_command_is_named_by_its_path(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(program.parents[1])
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("sys.argv", ["bin/madang", "serve"])
    assert serve.typed() == "bin/madang"


def test_a_command_that_the_shell_finds_is_named_alone(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr("sys.argv", [str(program), "serve"])
    assert serve.typed() == "madang"


def test_another_madang_on_the_path_is_not_this_one(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other" / "madang"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(other.parent))
    monkeypatch.setattr("sys.argv", [str(program), "serve"])
    assert serve.typed() == str(program)


def test_run_as_a_module_it_goes_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/madang/__main__.py", "serve"])
    assert serve.typed() == "madang"
