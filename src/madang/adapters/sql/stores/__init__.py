"""The ports that a database is behind, each a class over an engine; `store.py` puts them together."""
