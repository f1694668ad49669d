"""Ports that need nothing but this process: a bus for one node (or several in one loop), presence for one node."""
