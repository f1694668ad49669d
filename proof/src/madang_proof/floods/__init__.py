"""Floods of legal but heavy work: each command or request is one that the protocol allows, and each costs a server much."""
