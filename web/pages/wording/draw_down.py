"""Allocations of time as text: "0:30 from SH-0012 (leaves 0:00), 1:00 carried to the next contract"."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from engine.charging import FULL_PERCENT
from web.pages.wording.formats import minutes_text, money_text
from workflows.views.service_requests import AllocationView, SegmentView

UNCOVERED = {
    "carried": "carried to the next contract",
    "overage": "billed at the overage rate",
    "ignored": "recorded, not billed",
}


EXCLUDED = {
    "next_contract": "for the next contract",
    "bill": "to be billed",
    "free": "not billed",
}


def segment_text(segment: SegmentView, zone: ZoneInfo) -> str:
    """A segment: "17:00 to 18:30: 1:30 at 150 %, 2:15 chargeable (after hours)", with its price and rate.

    Times of day are in `zone`.
    """
    times = [f"{at.astimezone(zone):%H:%M}" for at in (segment.from_, segment.to) if at is not None]
    text = f"{' to '.join(times)}: {minutes_text(segment.rounded_minutes)} at {segment.percent} %"
    if segment.percent != FULL_PERCENT:
        text += f", {minutes_text(segment.chargeable_minutes)} chargeable"
    if segment.excluded:
        text += f", {EXCLUDED[segment.excluded]}"
    if segment.why:
        text += f" ({segment.why.removesuffix('.')})"
    if segment.rate is None or segment.price is None:
        return text
    price, rate = (money_text(one.amount_minor, one.currency) for one in (segment.price, segment.rate))
    return f"{text}, {price} at {rate} per hour"


def allocation_text(allocations: Sequence[AllocationView], leaves: Mapping[str, int] | None = None) -> str:
    """The allocations in order, summed by contract; `leaves` has the minutes left by contract id."""
    parts: dict[tuple[str, str | None], int] = {}
    numbers = {one.contract: one.contract_number or "another holder’s contract" for one in allocations}
    for one in allocations:
        key = (one.kind, one.contract if one.kind in ("grant", "covered") else None)
        parts[key] = parts.get(key, 0) + one.minutes
    texts = []
    for (kind, contract), minutes in parts.items():
        time = minutes_text(minutes)
        if kind == "grant":
            left = (leaves or {}).get(contract or "")
            rest = f" (leaves {minutes_text(left)})" if left is not None else ""
            texts.append(f"{time} from {numbers[contract]}{rest}")
        elif kind == "covered":
            texts.append(f"{time} covered by {numbers[contract]}")
        else:
            texts.append(f"{time} {UNCOVERED.get(kind, kind)}")
    return ", ".join(texts) if texts else "nothing is charged"
