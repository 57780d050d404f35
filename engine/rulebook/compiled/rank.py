"""Which of several contracts comes first if all of them match a rule.

Source: product.md section 6.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from engine.rulebook.compiled.source import Source

DEFAULT_RANK = ("ends_first", "started_first", "created_first")
NO_END = datetime.max.replace(tzinfo=UTC)


class Criterion(NamedTuple):
    """The date of a contract to compare, and whether the latest comes first."""

    fact: str
    latest_first: bool

    def of(self, contract: str) -> str:
        """The date as code; a contract without an end counts as ending last."""
        date = f"{contract}.{self.fact}"
        return f"({date} or no_end)" if self.fact == "expires_at" else date


RANK_CRITERIA: Mapping[str, Criterion] = {
    "ends_first": Criterion("expires_at", False),
    "ends_last": Criterion("expires_at", True),
    "started_first": Criterion("starts_at", False),
    "started_last": Criterion("starts_at", True),
    "created_first": Criterion("created_at", False),
    "created_last": Criterion("created_at", True),
}


def write_rank(source: Source, rank_by: tuple[str, ...]) -> None:
    """Generate `order`, the sort key of contracts, and `comes_before`, a fast comparison of two contracts.

    Nearer org units come first, then the criteria of the file; remaining ties are broken by id. The source
    must already define `no_end`.
    """
    criteria = [RANK_CRITERIA[name] for name in rank_by]
    with source.block("def order(contract):"):
        # Subtracting from the largest date sorts dates in descending order.
        dates = [
            f"no_end - {one.of('contract')}" if one.latest_first else one.of("contract") for one in criteria
        ]
        source.line(f"return ({', '.join(['contract.distance', *dates, 'contract.contract'])})")
    source.line("")
    with source.block("def comes_before(one, other):"):
        with source.block("if one.distance != other.distance:"):
            source.line("return one.distance < other.distance")
        for criterion in criteria:
            one, other = criterion.of("one"), criterion.of("other")
            with source.block(f"if {one} != {other}:"):
                source.line(f"return {one} {'>' if criterion.latest_first else '<'} {other}")
        source.line("return one.contract < other.contract")
    source.line("")
