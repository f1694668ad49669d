"""A server that erases so little at a time that it is met in the middle of an erasure: `python -m tests.scenario.erasing_slowly MODULE ARGUMENTS`."""

import runpy
import sys

from madang.services import erasures

CHUNK = 5


def main() -> None:
    """Make pieces small, and become the server."""
    vars(erasures).update(CHUNK=CHUNK)
    _, module, *arguments = sys.argv
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
