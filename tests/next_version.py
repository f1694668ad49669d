"""The next version of Madang, as far as nodes of two versions meet: its schema, its events, its envelopes and its heartbeats say more.

A copy of the package with a few lines changed, to be run with PYTHONPATH set to where it is.
"""

import shutil
from pathlib import Path

import madang
from madang.adapters.sql.migrations import FINISHES, NEWEST

AFTER = f"{int(NEWEST) + 1:04}"
"""The revision of the next version."""

STEP = f'''"""What the next version adds, and what it takes away in the end."""

import sqlalchemy as sa
from alembic import op

revision = "{AFTER}"
down_revision = "{NEWEST}"


def upgrade() -> None:
    op.add_column("events", sa.Column("flavour", sa.String(32), nullable=True))
    op.create_table("flavours", sa.Column("name", sa.String(32), primary_key=True))


def finish() -> None:
    op.drop_index("rooms_open", "rooms")
'''
"""Its schema: more in the table that every append writes to, a table of its own; in the end an index goes."""

SAYS_MORE = [
    (
        "core/events.py",
        "    return _encode_body(body)\n",
        """    text = _encode_body(body)
    return text[:-1] + b',"flavour":"sweet"}' if "sweet" in (getattr(body, "text", None) or "") else text
""",
    ),
    ("adapters/bus/envelopes.py", "    body: bytes\n", '    body: bytes\n    flavour: str = "salty"\n'),
    ("adapters/bus/envelopes.py", "    value: bytes\n", "    value: bytes\n    more: int = 1\n"),
    (
        "adapters/bus/envelopes.py",
        "    head: int = 0\n\n\nclass _Room",
        "    head: int = 0\n    more: int = 2\n\n\nclass _Room",
    ),
    (
        "adapters/bus/envelopes.py",
        "_encode((self.node, self._number, self._clock_ms(), parts))",
        "_encode((self.node, self._number, self._clock_ms(), parts, 3))",
    ),
    ("delivery/heartbeat.py", "    leaving: bool = False\n", "    leaving: bool = False\n    mood: int = 4\n"),
]
"""File, what is there, what the next version has in its place. Who asks for it gets a field more in their message."""


def make_next_version(folder: Path) -> Path:
    """Make it in a folder, which is what PYTHONPATH must name."""
    package = folder / "madang"
    shutil.copytree(Path(madang.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    migrations = package / "adapters" / "sql" / "migrations"
    (migrations / "versions" / f"{AFTER}_what_comes_next.py").write_text(STEP)
    change(migrations / "__init__.py", f'NEWEST: Final = "{NEWEST}"', f'NEWEST: Final = "{AFTER}"')
    before = f"FINISHES: Final[tuple[str, ...]] = {FINISHES}"
    change(migrations / "__init__.py", before.replace("'", '"'), f"FINISHES: Final = {(*FINISHES, AFTER)}")
    for file, before, after in SAYS_MORE:
        change(package / file, before, after)
    return folder


def change(file: Path, before: str, after: str) -> None:
    """Change what is there just once."""
    text = file.read_text()
    assert text.count(before) == 1, f"{file.name} has changed: {before!r} is there {text.count(before)} times"
    file.write_text(text.replace(before, after))
