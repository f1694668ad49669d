"""The `madang` command. One file per command; errors are one sentence and an exit code, never a traceback."""

from madang.cli.main import main

__all__ = ["main"]
