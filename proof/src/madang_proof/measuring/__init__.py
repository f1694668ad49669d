"""Measures a running server from outside, with the workloads of bench/. The command is `madang bench`."""
