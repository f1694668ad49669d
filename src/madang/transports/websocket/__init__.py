"""WebSocket connections (RFC 6455): handshake, framing, byte budget and close. What messages mean is a session's."""
