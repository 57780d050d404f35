"""Record ids: opaque, made by the process, and rising with time, so that indexes grow at their end."""

import os
import time
from threading import Lock

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_lock = Lock()
_last = 0


def new_id() -> str:
    """26 characters: 48 bits of real milliseconds, then 80 random bits; rising within a process."""
    global _last
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    with _lock:
        if value <= _last:
            value = _last + 1
        _last = value
    return "".join([PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)])
