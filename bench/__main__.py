"""`python -m bench`: see bench/run.py; with `peers` or `fleet` as its first word, bench/peers/run.py or bench/fleet/run.py."""

import importlib
import sys

KINDS = {"peers": "bench.peers.run", "fleet": "bench.fleet.run"}

if __name__ == "__main__":
    module = KINDS.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if module is not None:
        del sys.argv[1]
    importlib.import_module(module or "bench.run").main()
