"""Names of channels in Redis: a partition's begin with its hash tag, which puts it into one slot of a Redis Cluster.

Partitions are spread evenly over a Cluster whose members have even ranges of slots. With `all`, one member carries everything.
Which channels there are is in `bus/channels.py`.
"""

from typing import Final

from madang.adapters.bus import channels

# fmt: off
TAGS: Final = (
    40821, 5469, 3017, 2113, 574, 18834, 8518, 26368, 18617, 19713, 47996, 39599, 13318, 40602, 7842, 6946,
    3124, 2020, 40912, 41816, 46782, 15298, 447, 17090, 48132, 49036, 4093, 5197, 7971, 6875, 16559, 40731,
    712, 21474, 22778, 29899, 1079, 69524, 3271, 2375, 41560, 4928, 11376, 10272, 18471, 931, 9859, 11998,
    11688, 9749, 621, 12584, 3342, 2246, 4638, 69417, 8280, 9384, 41453, 12149, 29789, 22868, 1587, 802,
)
# fmt: on
"""Hash tags: the smallest numbers whose slots lie in the middle of each of `channels.PARTITIONS` equal parts of the 16,384 slots."""


class Channels(channels.Channels):
    """Keeps count of the Redis channels that a node's rooms need."""

    def special(self, partition: int, name: str) -> str:
        """Return a channel for other purposes, in the slot of a partition."""
        return f"{self._shared(partition)}:{name}"

    def _shared(self, partition: int) -> str:
        return f"{self.prefix}{{{TAGS[partition]}}}"

    def _own(self, room: str) -> str:
        return f"{self._shared(self.partition(room))}:r:{room}"
