"""Papers under measurement: many who type at once, beside the usual servers of Yjs. `python -m bench.papers --help`."""
