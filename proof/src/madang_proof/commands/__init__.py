"""The commands that this package adds to `madang`, by entry points of the group `madang.commands`."""
