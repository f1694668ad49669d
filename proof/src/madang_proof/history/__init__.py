"""The history checker: judges what clients of a server saw against what the server promises."""

from madang_proof.history.checker import Checker, check
from madang_proof.history.records import HistoryError, HistoryWriter, Record, read
from madang_proof.history.verdict import TITLES, Result, Verdict, Violation

__all__ = [
    "TITLES",
    "Checker",
    "HistoryError",
    "HistoryWriter",
    "Record",
    "Result",
    "Verdict",
    "Violation",
    "check",
    "read",
]
