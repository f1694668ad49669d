"""The door for stock Yjs clients: `y-websocket` at `/yjs/{paper}`. It parses, calls and writes."""
