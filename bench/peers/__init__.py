"""Madang beside others, all under the same loads in one trial: `python -m bench.peers`, see run.py."""
