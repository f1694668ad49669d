"""Puts the built page into wheels and sdists that are made from a checkout: whoever installs them needs no Node.

An sdist has the page already, and no scripts. An editable install takes what scripts/build-web left, or serves without.
"""

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuildPage(BuildHookInterface[Any]):
    """Builds the page first."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run scripts/build-web, where there is one."""
        script = Path(self.root, "scripts", "build-web")
        if version != "editable" and script.exists():
            subprocess.run([script], check=True)
        page = Path(self.root, "src", "madang", "web", "page", "index.html")
        if version != "editable" and not page.exists():
            raise FileNotFoundError(f"{page}: build the page first, with scripts/build-web")
