"""The load: virtual users on real connections, and the record of all that they see. It judges nothing."""
