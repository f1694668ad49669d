"""REST routes, one file per resource. They parse, call a service, and print."""
