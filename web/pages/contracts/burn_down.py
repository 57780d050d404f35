"""Burn-down chart of a contract's minutes or money, with the projected run-out date."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.contracts import OVER_STATES, Unit
from engine.projection import Band, Pace
from web.languages import gettext, ngettext
from web.pages.context import now
from web.pages.wording.formats import amount_text, day_text, last_day
from workflows.contracts.balance_curve import BalanceCurve, project
from workflows.views.contracts import ContractDetail

WIDTH, HEIGHT = 600, 120
MAX_AHEAD = timedelta(days=180)
TABLE_ROWS = 12


@dataclass(frozen=True, slots=True)
class BurnDown:
    """Chart coordinates within 600 by 120; `projection` is the projected line and `band` its area, or empty.

    Without `line` there is no chart: the reader does not see what single movements come to.
    `rows` are the same as text: a day, the balance, and whether that is projected.
    """

    summary: str
    line: str
    projection: str
    band: str
    rows: list[tuple[str, str, str]]
    today_x: int
    begins: str
    ends: str


def burn_down(contract: ContractDetail, curve: BalanceCurve | None) -> BurnDown | None:
    """The chart of a contract from which work was drawn, else None."""
    if curve is None:
        return None
    available = contract.balance.of(contract.draws).available
    found = project(contract, curve, now()) if _month_awaited_at(contract) is None else None
    pace, band = found or (None, None)
    begins = min(curve.begins_at, now())
    summary = _summary(contract, pace, band, shows_drawn=curve.shows_movements)
    if not curve.shows_movements:
        return BurnDown(summary, line="", projection="", band="", rows=[], today_x=0, begins="", ends="")
    ends = _ends(contract, pace, band)
    zone = ZoneInfo(contract.time_zone)
    scale = _Scale(begins, ends, max([1, *(balance for _, balance in curve.points)]))
    projection = ""
    if pace is not None:
        projection = f"{scale.point(now(), available)} {_projection_end(scale, pace, available)}"
    return BurnDown(
        summary=summary,
        line=_steps(scale, curve, available),
        projection=projection,
        band=_band(scale, band, pace, available),
        rows=_rows(contract, curve, pace, band),
        today_x=scale.x(now()),
        begins=day_text(begins.astimezone(zone).date()),
        # the end is exclusive: the first instant after the last day
        ends=day_text((ends - timedelta(seconds=1)).astimezone(zone).date()),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    begins: datetime
    ends: datetime
    most: int

    def x(self, at: datetime) -> int:
        whole = max(self.ends - self.begins, timedelta(seconds=1))
        return max(0, min(WIDTH, WIDTH * (at - self.begins) // whole))

    def y(self, amount: int) -> int:
        return HEIGHT - HEIGHT * max(0, amount) // self.most

    def point(self, at: datetime, amount: int) -> str:
        return f"{self.x(at)},{self.y(amount)}"


def _ended_at(contract: ContractDetail) -> datetime | None:
    """The instant at which a contract expired or was cancelled; None if it has not ended."""
    if contract.state not in OVER_STATES:
        return None
    return contract.cancelled_at or contract.expires_at


def _ends(contract: ContractDetail, pace: Pace | None, band: Band | None) -> datetime:
    """The right end of the chart: when the contract ends, or runs out; at most MAX_AHEAD from now."""
    ended_at = _ended_at(contract)
    if ended_at is not None:
        return ended_at
    if contract.expires_at is not None:
        return min(contract.expires_at, now() + MAX_AHEAD)
    runs_out = (pace.runs_out_at if pace else None, band.latest_at if band else None)
    later = [at for at in runs_out if at is not None]
    return min(max([now() + timedelta(days=7), *later]), now() + MAX_AHEAD)


def _projection_end(scale: _Scale, pace: Pace, available: int) -> str:
    """The end point of the projected line: at zero, or at the right edge."""
    if pace.runs_out_at is not None and pace.runs_out_at <= scale.ends:
        return scale.point(pace.runs_out_at, 0)
    used = pace.drawn_minutes * (scale.ends - now()) // pace.span
    return scale.point(scale.ends, available - used)


def _band(scale: _Scale, band: Band | None, pace: Pace | None, available: int) -> str:
    """The area between the earliest and the latest projected line; "" without a band."""
    if band is None or pace is None or band.earliest_at is None:
        return ""
    corners = [scale.point(now(), available), _reaches(scale, band.earliest_at, available)]
    if band.earliest_at < scale.ends:
        corners.append(scale.point(min(band.latest_at or scale.ends, scale.ends), 0))
    if band.latest_at is None:
        corners.append(scale.point(scale.ends, available))
    elif band.latest_at > scale.ends:
        corners.append(_reaches(scale, band.latest_at, available))
    return " ".join(corners)


def _reaches(scale: _Scale, runs_out_at: datetime, available: int) -> str:
    """Where a line to nothing at `runs_out_at` ends: there, or at the right edge."""
    if runs_out_at <= scale.ends:
        return scale.point(runs_out_at, 0)
    left = available * (runs_out_at - scale.ends) // (runs_out_at - now())
    return scale.point(scale.ends, left)


def _rows(
    contract: ContractDetail, curve: BalanceCurve, pace: Pace | None, band: Band | None
) -> list[tuple[str, str, str]]:
    """The chart as a table: the balance at the end of each of some twelve spans, then the projection."""
    zone = ZoneInfo(contract.time_zone)
    step = max((now() - curve.begins_at) // TABLE_ROWS, timedelta(days=1))
    last_of_span = {(at - curve.begins_at) // step: (at, balance) for at, balance in curve.points}
    rows = [
        (day_text(at.astimezone(zone).date()), _amount(contract, balance), "")
        for at, balance in last_of_span.values()
    ]
    projected = [
        (band.earliest_at if band else None, gettext("projected, as in busier weeks")),
        (pace.runs_out_at if pace else None, gettext("projected")),
        (band.latest_at if band else None, gettext("projected, as in quieter weeks")),
    ]
    end = contract.expires_at
    rows += [
        (day_text(at.astimezone(zone).date()), _amount(contract, 0), what)
        for at, what in projected
        if at is not None and (end is None or at < end)
    ]
    return rows


def _steps(scale: _Scale, curve: BalanceCurve, available: int) -> str:
    """The balance over time as a step line."""
    before = 0
    points = [scale.point(scale.begins, before)]
    for at, balance in curve.points:
        points += [scale.point(at, before), scale.point(at, balance)]
        before = balance
    points += [scale.point(now(), before), scale.point(now(), available)]
    return " ".join(points)


def _summary(contract: ContractDetail, pace: Pace | None, band: Band | None, *, shows_drawn: bool) -> str:
    zone = ZoneInfo(contract.time_zone)
    ended_at = _ended_at(contract)
    if ended_at is not None:
        return _ended_text(contract, ended_at, zone)
    if contract.state == "exhausted":
        return gettext("Used up.")
    awaited_at = _month_awaited_at(contract)
    if awaited_at is not None:
        day = day_text(awaited_at.astimezone(zone).date())
        return gettext("Used up until the next month begins on %(day)s.", day=day)
    if pace is None:
        return gettext("No time was drawn recently, so the run-out date cannot be projected.")
    recent = ngettext(
        "%(amount)s drawn in the last day.",
        "%(amount)s drawn in the last %(num)s days.",
        pace.span.days,
        amount=_amount(contract, pace.drawn_minutes),
    )
    return f"{recent} {_outlook(contract, pace, band)}" if shows_drawn else _outlook(contract, pace, band)


def _outlook(contract: ContractDetail, pace: Pace, band: Band | None) -> str:
    """How long a contract lasts at its recent pace."""
    zone = ZoneInfo(contract.time_zone)
    end = contract.expires_at
    if pace.runs_out_at is None or (end is not None and pace.runs_out_at >= end):
        until = last_day(end, zone) if end is not None else None
        if until is None:
            return gettext("At this rate it will last for years.")
        return gettext("At this rate it will last until it ends on %(day)s.", day=day_text(until))
    return _runs_out_text(contract, pace.runs_out_at, band)


def _month_awaited_at(contract: ContractDetail) -> datetime | None:
    """When the next month begins, where the current one is used up; None in the last month."""
    if contract.monthly_minutes is None or contract.balance.minutes.available:
        return None
    ends = [
        one.closes_at for one in contract.grants if one.kind == "allocation" and one.closes_at is not None
    ]
    ahead = [at for at in ends if at > now() and (contract.expires_at is None or at < contract.expires_at)]
    return min(ahead, default=None)


def _ended_text(contract: ContractDetail, ended_at: datetime, zone: ZoneInfo) -> str:
    """How a contract ended, and what was left: "Ended on 31 Mar 2026 with 2:00 unused."."""
    day = ended_at.astimezone(zone).date()
    unused = contract.balance.of(contract.draws).expired
    if contract.state == "cancelled":
        values = {"day": day_text(day), "amount": _amount(contract, unused)}
        if unused:
            return gettext("Cancelled on %(day)s with %(amount)s unused.", **values)
        return gettext("Cancelled on %(day)s with nothing left.", **values)
    values = {"day": day_text(last_day(ended_at, zone) or day), "amount": _amount(contract, unused)}
    if unused:
        return gettext("Ended on %(day)s with %(amount)s unused.", **values)
    return gettext("Ended on %(day)s with nothing left.", **values)


def _amount(contract: ContractDetail, amount: int) -> str:
    """An amount in the contract's unit."""
    unit: Unit = "money" if contract.draws == "money" else "minutes"
    return amount_text(amount, unit, contract.balance.money.currency)


def _runs_out_text(contract: ContractDetail, runs_out_at: datetime, band: Band | None) -> str:
    """When it runs out, with the band: "around 20 May, between 3 May, as in busier weeks, and 9 June"."""
    zone, end = ZoneInfo(contract.time_zone), contract.expires_at
    day = day_text(runs_out_at.astimezone(zone).date())
    if band is None or band.earliest_at is None or band.earliest_at == band.latest_at:
        return gettext("At this rate it will run out around %(day)s.", day=day)
    earliest = day_text(band.earliest_at.astimezone(zone).date())
    if band.latest_at is not None and (end is None or band.latest_at < end):
        return gettext(
            "At this rate it will run out around %(day)s, between %(earliest)s, as in busier weeks, "
            "and %(latest)s, as in quieter weeks.",
            day=day,
            earliest=earliest,
            latest=day_text(band.latest_at.astimezone(zone).date()),
        )
    if end is not None:
        return gettext(
            "At this rate it will run out around %(day)s: %(earliest)s at the earliest, as in busier weeks; "
            "as in quieter weeks, not before it ends.",
            day=day,
            earliest=earliest,
        )
    return gettext(
        "At this rate it will run out around %(day)s: %(earliest)s at the earliest, as in busier weeks; "
        "as in quieter weeks, not for years.",
        day=day,
        earliest=earliest,
    )
