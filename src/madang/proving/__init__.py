"""Proving: a server under load and faults, and the verdict of the history checker. The command is `madang prove`."""
