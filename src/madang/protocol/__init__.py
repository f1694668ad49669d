"""Wire protocols, sans-I/O: typed commands, typed frames and codecs. protocol/PROTOCOL.md specifies the native one."""
