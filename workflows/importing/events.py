"""The values that an export's rows become."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows.importing.mapping import Meaning

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Event:
    """A service request at the instant `at` (aware UTC), as stated by the row that begins on `line`.

    `later_at` is the second occurrence of a local time that the end of daylight saving repeats. The stated
    time is exact to `unit`. `meaning` is what its state means here; None for no transition. `values` are by
    mapping key. `remarks` say what was not used as it is written. `unused` are the columns of the request's
    end that do not fit its state.
    """

    line: int
    number: str
    at: datetime
    opened_at: datetime | None
    sequence: tuple[int, str] | None
    state: str
    values: dict[str, str]
    meaning: Meaning | None = None
    later_at: datetime | None = None
    unit: timedelta = SECOND
    opened_unit: timedelta = SECOND
    remarks: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowNote:
    """A remark about the row that begins on `line`: why it was not imported, or which value was not used.

    `left_out` marks a row that the mapping leaves out: it is counted and not reported line by line.
    """

    line: int
    text: str
    left_out: bool = False
