"""Engine.IO 4 and Socket.IO 5, without I/O: what packets say, and how what is answered and happens becomes packets.

Packets are read by the codecs of python-engineio and python-socketio. These take more than the protocols allow, so each packet
is first held to the form that it must have. Connections and what carries them are in `transports.socketio`.
"""
