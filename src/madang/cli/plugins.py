"""Commands that other installed packages add: entry points of the group `madang.commands`, loaded when they are asked for.

An entry point names a function that Typer can make a command of. Looking for them reads the metadata of every installed
package (25 ms), so it is left until a command is asked for that `main.py` does not have.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from madang.cli.options import plain_refusals
from madang.errors import SetupError

GROUP: Final = "madang.commands"
SEPARATE: Final = {"prove": "madang[prove]", "bench": "madang[prove]"}
"""Commands that the documentation speaks of and that come in a package of their own, with what installs them."""


class Commands(TyperGroup):
    """The commands of `main.py`, followed by those of other packages."""

    def list_commands(self, ctx: Any) -> list[str]:
        own = super().list_commands(ctx)
        return [*own, *sorted({*SEPARATE, *entry_points(group=GROUP).names}.difference(own))]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or _added(cmd_name)

    def invoke(self, ctx: Any) -> Any:
        with plain_refusals():
            return super().invoke(ctx)


def _added(name: str) -> Any:
    for point in entry_points(group=GROUP, name=name):
        return _command(name, point.load())
    if name in SEPARATE:
        return _not_installed(name, SEPARATE[name])
    return None


def _not_installed(name: str, requirement: str) -> Any:
    """Return a command that takes any arguments and says what to install."""

    def refuse(context: typer.Context) -> None:
        raise SetupError(
            f"`madang {name}` comes in a package of its own, which is not installed.",
            f"Install it: pip install '{requirement}'",
        )

    anything = {"allow_extra_args": True, "ignore_unknown_options": True}
    text = f"Not installed; it comes with {requirement}."
    return _command(name, refuse, help=text, context_settings=anything, add_help_option=False)


def _command(name: str, function: Callable[..., Any], **options: Any) -> Any:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(name, **options)(function)
    return get_command(app)
