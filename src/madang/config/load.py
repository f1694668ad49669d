"""Settings from their sources: the first wins of the command line, MADANG_* variables, the TOML file, the default.

In the file a setting is in the table of its group, or above all tables under its full name.
"""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from madang.config.groups import GROUPS, key_in_table
from madang.config.settings import PREFIX, Settings
from madang.config.wrong_values import must_be
from madang.errors import SetupError, plain_reason

_NOT_SETTINGS: Final = {"MADANG_PYTHON"}  # which Python scripts/setup takes
_IN_TABLES: Final = {
    (group, key_in_table(group, name)): name for group, fields in GROUPS.items() for name in fields.model_fields
}


def load(file: Path | None = None, **given: Any) -> Settings:
    """Return the settings in force; `given` are those of the command line, None where an option was not given.

    Raises:
        SetupError: it names the file, setting or value that is wrong.
    """
    from_file = _read(file) if file else {}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        environment = Settings(**given)
        rest = {name: value for name, value in from_file.items() if name not in environment.model_fields_set}
        return Settings(**{**rest, **given}) if rest else environment
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise SetupError(
            f"The setting {name} {must_be(first, shown=Settings.model_fields[name].repr)}.",
            f"Correct {_place(name, given, file)}.",
        ) from None


def _place(name: str, given: dict[str, Any], file: Path | None) -> str:
    """Return where the value in force of a setting is written."""
    if name in given:
        return f"--{name.replace('_', '-')}"
    variable = f"{PREFIX}{name.upper()}"
    return f"{name} in {file}" if file and variable not in map(str.upper, os.environ) else variable


def unknown_variables() -> list[str]:
    """Return the variables of the environment that look like settings but are not."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _NOT_SETTINGS
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def _read(file: Path) -> dict[str, Any]:
    """Return what a file sets, by full names. Raises SetupError."""
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SetupError(
            f"The settings file {file} cannot be read: {plain_reason(error)}.", "Name another file with --config."
        ) from None
    except UnicodeDecodeError:
        raise SetupError(f"The settings file {file} is not a text in UTF-8.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise SetupError(
            f"The settings file {file} is not TOML: {str(error)[:1].lower()}{str(error)[1:]}.",
            'Write settings as docs/reference/settings.md shows: port = 9000, host = "0.0.0.0".',
        ) from None
    found: dict[str, Any] = {}
    unknown = []
    for written, name, value in _entries(document):
        if name not in Settings.model_fields:
            unknown.append(written)
        elif name in found:
            raise SetupError(f"{file} sets {name} twice.", f"Keep one of {name} and {written}.")
        else:
            found[name] = value
    if unknown:
        raise SetupError(
            f"{file} has settings that do not exist: {', '.join(sorted(unknown))}.",
            "docs/reference/settings.md lists them all.",
        )
    return found


def _entries(document: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield the entries of a document: the name as written, the full name ("" for none), and the value."""
    for key, value in document.items():
        if key in GROUPS and isinstance(value, dict):
            for inner, one in value.items():
                yield f"{key}.{inner}", _IN_TABLES.get((key, inner), ""), one
        else:
            yield key, key, value
