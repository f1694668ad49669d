"""Fuzzing of everything that reads what strangers send: `python -m tests.fuzz.NAME [-max_total_time=SECONDS]`.

Each module is a harness: `one(data)` reads one input and fails on whatever must not happen, `SEEDS` are where mutation
starts. An input that made one fail is kept in `crashes/NAME-…` and tried by `test_fuzz.py` forever.
"""
