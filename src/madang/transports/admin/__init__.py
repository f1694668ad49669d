"""The second listener, loopback by default: metrics and administration."""
