"""Allocations of time as text: "0:30 from SH-0012 (leaves 0:00), 1:00 carried to the next contract".

Of money: "€40.00 for 0:24 from PA-0003 (leaves €0.00)".
"""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from engine.charging import FULL_PERCENT
from web.languages import Texts, gettext, mark
from web.pages.wording.formats import minutes_text, money_text
from web.pages.wording.labels import labelled
from web.posting_reasons import posting_reason
from workflows.views import MoneyView
from workflows.views.service_requests import AllocationView, SegmentView

UNCOVERED = {
    "carried": mark("%(time)s carried to the next contract"),
    "overage": mark("%(time)s billed at the overage rate"),
    "ignored": mark("%(time)s recorded, not billed"),
}
EXCLUDED = Texts(
    {
        "next_contract": mark("for the next contract"),
        "bill": mark("to be billed"),
        "free": mark("not billed"),
    }
)


def not_billable_text(reason: str | None) -> str:
    """That a work entry is not billable, and why: as a person wrote it, or that a dispute was accepted."""
    label = gettext("Not billable")
    return labelled(label, posting_reason(reason)) if reason else label


def segment_text(segment: SegmentView, zone: ZoneInfo) -> str:
    """A segment: "17:00 to 18:30: 1:30 at 150 %, 2:15 chargeable (after hours)", with its price and rate.

    Times of day are in `zone`.
    """
    parts = [
        gettext(
            "%(times)s: %(time)s at %(percent)s %%",
            times=_times_text(segment, zone),
            time=minutes_text(segment.rounded_minutes),
            percent=segment.percent,
        )
    ]
    if segment.percent != FULL_PERCENT:
        parts.append(gettext("%(time)s chargeable", time=minutes_text(segment.chargeable_minutes)))
    if segment.excluded:
        parts.append(EXCLUDED[segment.excluded])
    if segment.why:
        parts[-1] += f" ({segment.why.removesuffix('.')})"
    if segment.rate is not None and segment.price is not None:
        price, rate = (money_text(one.amount_minor, one.currency) for one in (segment.price, segment.rate))
        parts.append(gettext("%(price)s at %(rate)s per hour", price=price, rate=rate))
    return ", ".join(parts)


def _times_text(segment: SegmentView, zone: ZoneInfo) -> str:
    times = [f"{at.astimezone(zone):%H:%M}" for at in (segment.from_, segment.to) if at is not None]
    if len(times) == 1:
        return times[0]
    return gettext("%(begins)s to %(ends)s", begins=times[0], ends=times[1]) if times else ""


def allocation_text(
    allocations: Sequence[AllocationView],
    leaves: Mapping[str, int] | None = None,
    leaves_money: Mapping[str, MoneyView] | None = None,
) -> str:
    """The allocations in order, summed by contract.

    `leaves` has the minutes left by contract id, and `leaves_money` the money.
    """
    parts: dict[tuple[str, str | None, bool, bool, bool, str | None], int] = {}
    paid: dict[str | None, MoneyView] = {}
    numbers = {
        one.contract: one.contract_number or gettext("another holder’s contract") for one in allocations
    }
    for one in allocations:
        contract = one.contract if one.kind in ("grant", "covered") else None
        key = (one.kind, contract, one.borrowed, one.held, one.by_month, one.why)
        parts[key] = parts.get(key, 0) + one.minutes
        if one.amount is not None:
            before = paid[one.contract].amount_minor if one.contract in paid else 0
            paid[one.contract] = MoneyView(before + one.amount.amount_minor, one.amount.currency)
    texts = []
    for (kind, contract, borrowed, held, by_month, why), minutes in parts.items():
        time = minutes_text(minutes)
        if borrowed:
            texts.append(
                gettext(
                    "%(time)s drawn ahead on the next month of %(contract)s",
                    time=time,
                    contract=numbers[contract],
                )
            )
        elif kind == "grant":
            left = (leaves or {}).get(contract or "")
            notes = [gettext("held until approved")] if held else []
            money = (leaves_money or {}).get(contract or "")
            if contract in paid:
                notes += [gettext("leaves %(amount)s", amount=_money(money))] if money is not None else []
                time = gettext("%(price)s for %(time)s", price=_money(paid[contract]), time=time)
            elif left is not None:
                notes.append(gettext("leaves %(amount)s", amount=minutes_text(left)))
            rest = f" ({', '.join(notes)})" if notes else ""
            drawn = gettext("%(amount)s from %(contract)s", amount=time, contract=numbers[contract])
            texts.append(f"{drawn}{rest}")
        elif kind == "covered":
            texts.append(gettext("%(time)s covered by %(contract)s", time=time, contract=numbers[contract]))
        elif by_month:
            texts.append(gettext("%(time)s carried to the next month or contract", time=time))
        else:
            text = gettext(UNCOVERED[kind], time=time) if kind in UNCOVERED else f"{time} {kind}"
            texts.append(f"{text} ({why})" if why else text)
    return ", ".join(texts) if texts else gettext("nothing is charged")


def _money(money: MoneyView) -> str:
    return money_text(money.amount_minor, money.currency)
