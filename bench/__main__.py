"""`python -m bench`: see bench/run.py; `python -m bench peers`: see bench/peers/run.py."""

import sys

from bench import run
from bench.peers import run as peers

if __name__ == "__main__":
    if sys.argv[1:2] == ["peers"]:
        del sys.argv[1]
        peers.main()
    else:
        run.main()
