"""Servers with one protection switched off: `python -m tests.broken_servers NAME serve …` is `madang serve` without it.

`madang prove` has to notice, or it proves nothing. Each protection is a function here or beside, which patches the
product before the command line runs.
"""
