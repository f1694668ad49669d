"""Who gets which bytes, and when: live rooms, their subscribers, ticks, catching up and the ephemeral lane.

Delivery reads the log and never writes to it. It knows a connection only as a `Subscriber`.
"""
