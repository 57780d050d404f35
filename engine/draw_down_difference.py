"""What to reverse and what to post, so that what is posted is what was planned.

Source: product.md section 7 (Time worked decides, not time typed).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.payers import Slice, SliceRow


class Posted(NamedTuple):
    """A slice of an entry that has been posted, and the id under which it is stored."""

    id: str
    entry: str
    slice: Slice


@dataclass(frozen=True, slots=True)
class Difference:
    """What to reverse, to post and to settle, so that the planned slices are the posted ones.

    What is to be settled is posted as held, and is planned as it is, but no longer held.
    """

    to_reverse: list[Posted]
    to_post: list[tuple[str, Slice]]
    to_settle: list[Posted] = field(default_factory=list)

    @property
    def entries(self) -> set[str]:
        """The ids of the entries of which anything is to be reversed, posted or settled."""
        changed = {one.entry for one in (*self.to_reverse, *self.to_settle)}
        return changed | {entry for entry, _ in self.to_post}


def difference(planned: Mapping[str, Sequence[SliceRow]], posted: Iterable[Posted]) -> Difference:
    """The least that has to be reversed and posted: a slice that is posted as planned stays.

    `planned` are slices by the id of their entry; an entry that is not among them is to have none.
    """
    missing = {entry: list(slices) for entry, slices in planned.items()}
    differing = [one for one in posted if not _remove(missing, one.entry, one.slice)]
    to_reverse: list[Posted] = []
    to_settle: list[Posted] = []
    for one in differing:
        is_settled = one.slice.held and _remove(missing, one.entry, one.slice._replace(held=False))
        (to_settle if is_settled else to_reverse).append(one)
    to_post = [(entry, Slice._make(piece)) for entry, slices in missing.items() for piece in slices]
    return Difference(to_reverse, to_post, to_settle)


def _remove(missing: Mapping[str, list[SliceRow]], entry: str, piece: Slice) -> bool:
    """Remove a slice from those that an entry lacks; False where it is not among them."""
    wanted = missing.get(entry)
    if not wanted or piece not in wanted:
        return False
    wanted.remove(piece)
    return True
