"""How the C library keeps memory for the server's threads."""

import ctypes

M_ARENA_MAX = -8
"""The option's number, from glibc's malloc.h."""
ARENAS = 2


def share_arenas() -> bool:
    """Let all threads of this process, and of those it forks, take memory from a few places.

    glibc gives each thread one of its own and seldom gives back what lies free there: under load a worker
    would grow for a long time, though it keeps nothing. False where the C library is another.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(M_ARENA_MAX, ARENAS))
