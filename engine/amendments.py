"""The terms of a contract as of an instant, from the terms in force and its effective-dated amendments.

    sla gold;  from 1 May: platinum;  from 1 March: silver (recorded later)
    February: gold, March and April: silver, from May: platinum

Source: product.md section 5 (amend, transfer).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Amendment:
    """Terms that hold from `effective_at` (aware UTC) on: by name the new values, and those before it."""

    effective_at: datetime
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def terms_as_of(terms: Mapping[str, Any], amendments: Sequence[Amendment], at: datetime) -> dict[str, Any]:
    """The terms in force at `at` (aware UTC); those that no amendment names are as in `terms`.

    `amendments` are in the order in which they were recorded: of two with the same instant the later one
    counts. A term has the value of the last amendment that had taken effect; before all of them, the value
    that it had before the first.
    """
    found = dict(terms)
    ordered = sorted(amendments, key=lambda one: one.effective_at)
    for name in {name for one in ordered for name in one.after}:
        naming = [one for one in ordered if name in one.after]
        in_effect = [one for one in naming if one.effective_at <= at]
        found[name] = in_effect[-1].after[name] if in_effect else naming[0].before[name]
    return found
