"""Buses, and what they share: outgoing batches and their signed envelopes."""
