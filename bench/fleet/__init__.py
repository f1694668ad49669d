"""Measures several nodes: their databases, the bus between them, and what a send costs until another node's client has it."""
