"""One node: its parts put together, started, served and drained."""
