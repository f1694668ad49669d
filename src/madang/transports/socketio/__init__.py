"""The Socket.IO door at /socket.io/: stock clients over WebSockets and HTTP long-polling, on the same rooms as everybody.

A `Client` follows rooms, whatever carries it at the moment; what its commands do is the native session's (`transports.native`).
"""
