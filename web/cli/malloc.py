"""Tuning of the C library's memory allocation for a server with threads."""

import ctypes

M_ARENA_MAX = -8
"""The number of the option in glibc's malloc.h."""
ARENAS = 2


def share_arenas() -> bool:
    """Make all threads of this process, and of processes it forks, share a few malloc arenas.

    By default glibc creates an arena per thread and seldom returns its free memory to the system, so that a
    worker under load would keep growing. Returns False if the C library is not glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(M_ARENA_MAX, ARENAS))
