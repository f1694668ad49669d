"""Options that several commands share, and the settings they amount to."""

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
