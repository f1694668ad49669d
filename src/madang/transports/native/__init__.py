"""The native protocol's session: commands in order, answers out."""
