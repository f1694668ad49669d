"""One node: how its parts are assembled, started, served and drained."""
