"""Record ids: opaque, made by the process, and rising with time, so that indexes grow at their end."""

import os
import time
from threading import Lock

from sqlalchemy import ColumnElement, func, literal

from workflows.store.column_types import Id

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
TIME_LENGTH = 10
"""How many characters of an id are the milliseconds; the others are random."""
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


def new_ids_from(ids: ColumnElement[str]) -> ColumnElement[str]:
    """New ids as an SQL expression, one for each row: the time of this call, the random bits of the row's id.

    They are as unique as the ids that they come from, in a table that gets one row for each of those.
    """
    return literal(new_id()[:TIME_LENGTH], Id) + func.substr(ids, TIME_LENGTH + 1, type_=Id)
