"""How much the random tests do: what a variable says, else less where CI is set than at home."""

import os


def how_many(variable: str, *, usual: int, in_ci: int) -> int:
    """A number of cases."""
    return int(os.environ.get(variable) or (in_ci if os.environ.get("CI") else usual))
