"""`madang audit`: what was done on the server outside of rooms; and how entries of any audit trail are shown."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from madang.cli.options import Config, Data, Database, settings_of

Limit = Annotated[int, typer.Option(help="How many of the newest entries.", min=1, max=10_100)]


def audit(limit: Limit = 50, data: Data = None, database: Database = None, config: Config = None) -> None:
    """Show what was done to users, server keys and the server itself, and by whom, the newest first."""
    from madang.cli.admin_client import ask

    settings = settings_of(config, data=data, database=database)
    show(limit, lambda query: ask(settings, "GET", f"/audit{query}"))


def show(limit: int, page_of: Callable[[str], Any]) -> None:
    """Print the newest entries of a trail, whose pages `page_of` returns for a query."""
    left, before = limit, ""
    while left > 0:
        page = page_of(f"?limit={min(left, 200)}{before}")
        for entry in page["entries"]:
            print(_line(entry))
        if not page["more"]:
            return
        left -= len(page["entries"])
        before = f"&before={page['entries'][-1]['n']}"


def _line(entry: dict[str, Any]) -> str:
    upon = f"  {entry.get('name') or 'somebody'} ({entry['user']})" if "user" in entry else ""
    more = [f"{name}={value}" for name, value in entry.get("details", {}).items()]
    why = f"  “{' '.join(entry['reason'].split())}”" if "reason" in entry else ""
    by = entry.get("by_name") or entry["by"]
    return f"{entry['at']}  {entry['what']:<7} by {by} ({entry['by']}){upon}{why}  {' '.join(more)}".rstrip()
