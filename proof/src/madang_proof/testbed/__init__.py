"""Servers as processes of their own, and what can be put around them: proxies, a fault shim, programs that misbehave."""
