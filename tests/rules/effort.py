"""The number of cases in random tests: from an environment variable, otherwise fewer if CI is set."""

import os


def how_many(variable: str, *, usual: int, in_ci: int) -> int:
    """The number of cases."""
    return int(os.environ.get(variable) or (in_ci if os.environ.get("CI") else usual))
