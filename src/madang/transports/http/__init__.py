"""The HTTP door: REST, health, and the bounds on a request before it is one."""
