"""Madang: a self-hosted server for live rooms (chat, presence, history, search, shared documents).

The server is started with ``madang serve``; programs that talk to one use :mod:`madang.client`.
"""

__version__ = "0.1.0"
