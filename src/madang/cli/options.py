"""Options that several commands share, the settings they amount to, and what is said of wrong ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from madang.config import Settings

Data = Annotated[Path | None, typer.Option(help="Folder for everything the server keeps.")]
Database = Annotated[str | None, typer.Option(help="Database URL: sqlite:///…, postgresql://… or mysql://….")]
Config = Annotated[Path | None, typer.Option(help="TOML file with settings.")]


def settings_of(config: Path | None, **given: Any) -> "Settings":
    """Read the settings, late: their library takes longer to import than `madang --help` may take in all."""
    from madang.config import load

    return load(config, **given)


@contextmanager
def plain_refusals() -> Iterator[None]:
    """Say of a wrong option what it must be, as is said of a wrong setting, in place of what the library says."""
    try:
        yield
    except typer.BadParameter as wrong:
        if (errors := getattr(wrong.__cause__, "errors", None)) is not None:
            from madang.config.wrong_values import must_be

            wrong.message = f"it {must_be(errors()[0])}."
        raise
