"""Commands that other packages add: found by entry points, and what is said where the package is not installed."""

from importlib.metadata import EntryPoint, EntryPoints, entry_points

import pytest

from madang.cli import plugins
from madang.cli.main import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run a command line, and return its exit status."""
    monkeypatch.setattr("sys.argv", ["madang", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def install(monkeypatch: pytest.MonkeyPatch, **commands: str) -> None:
    """Let entry points be these alone."""
    points = EntryPoints(EntryPoint(name, value, plugins.GROUP) for name, value in commands.items())
    monkeypatch.setattr(plugins, "entry_points", lambda **wanted: points.select(**wanted))


@pytest.mark.parametrize(
    "arguments", [("prove",), ("prove", "--seconds", "5"), ("bench", "hot-room"), ("prove", "--help")]
)
def test_a_command_of_a_missing_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    install(monkeypatch)
    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err == (
        f"madang: `madang {arguments[0]}` comes in a package of its own, which is not installed. "
        "Install it: pip install 'madang[prove]'\n"
    )


def test_help_lists_commands_that_could_be_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch)
    assert run(monkeypatch, "--help") == 0
    assert "prove    Not installed; it comes with madang[prove]." in capsys.readouterr().out


def greet(name: str) -> None:
    """Greet somebody."""
    print(f"hello {name}")


def test_another_package_adds_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("madang.cli.greet_for_test", greet, raising=False)
    install(monkeypatch, greet="madang.cli:greet_for_test")
    assert run(monkeypatch, "greet", "Mina") == 0
    assert capsys.readouterr().out == "hello Mina\n"
    assert run(monkeypatch, "--help") == 0
    assert "greet    Greet somebody." in capsys.readouterr().out


def test_a_package_takes_no_command_of_madang_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, serve="madang.cli:nothing")
    assert run(monkeypatch, "serve", "--help") == 0
    assert "Serve rooms" in capsys.readouterr().out


def test_this_checkout_has_the_commands_of_its_proof() -> None:
    found = {point.name: point.value for point in entry_points(group=plugins.GROUP)}
    assert found["prove"] == "madang_proof.commands.prove:prove"
    assert found["bench"] == "madang_proof.commands.bench:bench"
