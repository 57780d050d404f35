"""Whether two texts can be compared line by line in reasonable time.

difflib takes time by the number of pairs of equal lines, and by the number of lines for each difference: for
texts in which one line is repeated, that is quadratic.
"""

from collections import Counter
from collections.abc import Sequence

MOST_LINES = 5000
MOST_PAIRS = 1_000_000


def can_compare(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether the lines that differ are few enough, without those that both begin or end with."""
    start = 0
    shorter = min(len(old), len(new))
    while start < shorter and old[start] == new[start]:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    before, after = old[start : len(old) - end], new[start : len(new) - end]
    if max(len(before), len(after)) > MOST_LINES:
        return False
    counted = Counter(before)
    return sum(counted[line] for line in after) <= MOST_PAIRS
