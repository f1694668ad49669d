"""``python -m madang`` is the same program as ``madang``."""

from madang.cli import main

if __name__ == "__main__":
    main()
