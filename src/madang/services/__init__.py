"""What people do with rooms: use cases over ports and core. They reach sockets only by appending to the log."""
