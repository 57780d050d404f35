"""How much of the longest tests runs: a share by `make test`, all of it by `make test-all`."""

import os
from collections.abc import Iterable
from typing import TypeVar
from zlib import crc32

T = TypeVar("T")
EVERY = os.environ.get("COVERDESK_TESTS") == "all"
DATABASES = ("sqlite", "postgresql")


def one_in(number: int, cases: Iterable[T], first: int = 0) -> list[T]:
    """Every `number`th case from the one with index `first` on; all of them if everything is to run."""
    return list(cases) if EVERY else list(cases)[first::number]


def is_of_other_database(test_id: str) -> bool:
    """Whether a test that runs on each database is left to the other: one of the two, always the same.

    `test_id` has the kind of the database among its parameters. False if everything is to run.
    """
    for number, kind in enumerate(DATABASES):
        base, found, rest = test_id.rpartition(kind)
        if found:
            return not EVERY and crc32((base + rest).encode()) % len(DATABASES) != number
    return False
