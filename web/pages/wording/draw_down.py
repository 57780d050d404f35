"""Where time went, or would go, in words: "0:30 from SH-0012 (leaves 0:00), 1:00 carried"."""

from collections.abc import Mapping, Sequence

from web.pages.wording.formats import minutes_text
from workflows.views.service_requests import AllocationView

FATES = {
    "carried": "carried to the next contract",
    "overage": "billed at the overage rate",
    "ignored": "recorded, charged to nobody",
}


def split_words(allocations: Sequence[AllocationView], leaves: Mapping[str, int] | None = None) -> str:
    """The parts in order, those of one contract together; `leaves` is what each contract has afterwards."""
    parts: dict[tuple[str, str | None], int] = {}
    numbers = {one.contract: one.contract_number or "another holder’s contract" for one in allocations}
    for one in allocations:
        key = (one.kind, one.contract if one.kind in ("grant", "covered") else None)
        parts[key] = parts.get(key, 0) + one.minutes
    told = []
    for (kind, contract), minutes in parts.items():
        time = minutes_text(minutes)
        if kind == "grant":
            left = (leaves or {}).get(contract or "")
            rest = f" (leaves {minutes_text(left)})" if left is not None else ""
            told.append(f"{time} from {numbers[contract]}{rest}")
        elif kind == "covered":
            told.append(f"{time} covered by {numbers[contract]}, nothing drawn")
        else:
            told.append(f"{time} {FATES.get(kind, kind)}")
    return ", ".join(told) if told else "nothing is charged"
