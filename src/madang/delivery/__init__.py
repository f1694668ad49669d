"""Who gets which bytes when: rooms that live on this node, their sockets, ticks, lag and the ephemeral lane.

Delivery reads the log and never writes it; it knows sockets only as subscribers (`subscriber.py`).
"""
