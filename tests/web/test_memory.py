"""Threads share a few malloc arenas."""

import platform
import subprocess
import sys

import pytest

ALLOCATE = """
import ctypes, os, sys, threading
from web.cli.malloc import share_arenas

if sys.argv[1] == "shared":
    assert share_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fdopen.restype = ctypes.c_void_p
all_here = threading.Barrier(8)

def take():
    all_here.wait()
    assert libc.malloc(ctypes.c_size_t(100_000))
    all_here.wait()

threads = [threading.Thread(target=take) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
output = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, output)
libc.fflush(output)
"""


def arenas(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", ALLOCATE, how], capture_output=True, text=True, check=True)
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_eight_threads_share_two_arenas() -> None:
    assert arenas("separate") > 2
    assert arenas("shared") <= 2
