"""What users do: use cases over ports and core, and every judgement of limits, roles and slow mode, once for all doors.

Services reach sockets only by appending to the log, or through the ports.
"""
