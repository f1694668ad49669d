"""Settings: declared in `groups.py`, read from the command line, the environment and a TOML file by `load.py`."""

from madang.config.load import load, unknown_variables
from madang.config.settings import Settings

__all__ = ["Settings", "load", "unknown_variables"]
