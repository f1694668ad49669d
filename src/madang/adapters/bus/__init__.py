"""Buses, one folder each, and what they share: queues of what goes out, and signed envelopes."""
