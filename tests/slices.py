"""What the kernel knows of a thread: by which policy it is run, how nice it is, and how long it asks to run at a time."""

import ctypes
import platform
import struct
from typing import NamedTuple

_SCHED_GETATTR = {"x86_64": 315, "aarch64": 275, "riscv64": 275}


class Slice(NamedTuple):
    """What is known of one thread; `ns` is 0 where the kernel lets nobody choose."""

    policy: int
    niceness: int
    ns: int


def slice_of(thread: int = 0) -> Slice:
    """Return it of a thread by its native id, or of the calling one."""
    found = ctypes.create_string_buffer(56)
    ctypes.CDLL(None).syscall(_SCHED_GETATTR[platform.machine()], thread, found, len(found), 0)
    _, policy, _, niceness, _, ns, *_ = struct.unpack("=IIQiIQQQII", found.raw)
    return Slice(policy, niceness, ns)
