"""Madang beside others, all under the same loads in one sitting: `python -m bench.peers`, see run.py."""
