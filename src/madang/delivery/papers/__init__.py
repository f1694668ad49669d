"""Papers that are open on this node: who follows them, what is written in them, and who gets which bytes when."""
