"""The native protocol: commands from clients, frames to them, and how both are written as JSON."""
