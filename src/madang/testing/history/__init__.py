"""The history checker: judges what clients of a server saw against what the server promises."""

from madang.testing.history.records import Record, Recorder, read

__all__ = ["Record", "Recorder", "read"]
