"""The wire, sans-I/O: typed commands, replies and the codec. protocol/PROTOCOL.md says it for strangers."""
