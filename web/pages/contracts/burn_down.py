"""Burn-down chart of a contract's minutes, with the projected run-out date."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.contracts import OVER_STATES
from engine.projection import Drawn, Pace, project_run_out
from web.pages.context import now
from web.pages.wording.formats import day_text, last_day, minutes_text
from workflows.views.contracts import ContractDetail, StatementView

WIDTH, HEIGHT = 600, 120
DRAWN_KINDS = ("draw", "draw_carried", "reversal")
MAX_AHEAD = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class BurnDown:
    """Chart coordinates within 600 by 120; `projection` is the projected line, or empty."""

    summary: str
    line: str
    projection: str
    today_x: int
    begins: str
    ends: str


def burn_down(contract: ContractDetail, statement: StatementView) -> BurnDown | None:
    """The chart of a contract with drawn minutes, else None; `statement` must be the whole statement."""
    drawn = [Drawn(one.effective_at, -one.minutes) for one in statement.lines if one.kind in DRAWN_KINDS]
    if contract.draws != "minutes" or not drawn:
        return None
    available = contract.balance.minutes.available
    pace = None
    if contract.state == "active":
        pace = project_run_out(drawn, available_minutes=available, began_at=contract.starts_at, now=now())
    begins = min(statement.lines[0].effective_at, now())
    ends = _ends(contract, pace)
    zone = ZoneInfo(contract.time_zone)
    scale = _Scale(begins, ends, max([1, *(one.balance_after for one in statement.lines)]))
    projection = ""
    if pace is not None:
        projection = f"{scale.point(now(), available)} {_projection_end(scale, pace, available)}"
    return BurnDown(
        summary=_summary(contract, pace),
        line=_steps(scale, statement, available),
        projection=projection,
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

    def y(self, minutes: int) -> int:
        return HEIGHT - HEIGHT * max(0, minutes) // self.most

    def point(self, at: datetime, minutes: int) -> str:
        return f"{self.x(at)},{self.y(minutes)}"


def _ended_at(contract: ContractDetail) -> datetime | None:
    """The instant at which a contract expired or was cancelled; None if it has not ended."""
    if contract.state not in OVER_STATES:
        return None
    return contract.cancelled_at or contract.expires_at


def _ends(contract: ContractDetail, pace: Pace | None) -> datetime:
    """The right end of the chart: when the contract ends or runs out, at most MAX_AHEAD from now."""
    ended_at = _ended_at(contract)
    if ended_at is not None:
        return ended_at
    later = [at for at in (contract.expires_at, pace.runs_out_at if pace else None) if at is not None]
    return min(max([now() + timedelta(days=7), *later]), now() + MAX_AHEAD)


def _projection_end(scale: _Scale, pace: Pace, available: int) -> str:
    """The end point of the projected line: at zero, or at the right edge."""
    if pace.runs_out_at is not None and pace.runs_out_at <= scale.ends:
        return scale.point(pace.runs_out_at, 0)
    used = pace.drawn_minutes * (scale.ends - now()) // pace.span
    return scale.point(scale.ends, available - used)


def _steps(scale: _Scale, statement: StatementView, available: int) -> str:
    """The balance over time as a step line."""
    points, before = [scale.point(scale.begins, statement.opening_balance)], statement.opening_balance
    for line in statement.lines:
        at = max(line.effective_at, scale.begins)
        points += [scale.point(at, before), scale.point(at, line.balance_after)]
        before = line.balance_after
    points += [scale.point(now(), before), scale.point(now(), available)]
    return " ".join(points)


def _summary(contract: ContractDetail, pace: Pace | None) -> str:
    zone = ZoneInfo(contract.time_zone)
    ended_at = _ended_at(contract)
    if ended_at is not None:
        if contract.state == "cancelled":
            ending = f"Cancelled on {day_text(ended_at.astimezone(zone).date())}"
        else:
            ending = f"Ended on {day_text(last_day(ended_at, zone) or ended_at.astimezone(zone).date())}"
        unused = contract.balance.minutes.expired
        return f"{ending} with {minutes_text(unused)} unused." if unused else f"{ending} with nothing left."
    if contract.state == "exhausted":
        return "Used up."
    if pace is None:
        return "No time was drawn recently, so the run-out date cannot be projected."
    days = pace.span.days
    period = f"{days} days" if days != 1 else "day"
    recent = f"{minutes_text(pace.drawn_minutes)} drawn in the last {period}."
    end = contract.expires_at
    if pace.runs_out_at is None or (end is not None and pace.runs_out_at >= end):
        until = last_day(end, zone) if end is not None else None
        rest = f"until it ends on {day_text(until)}" if until else "for years"
        return f"{recent} At this rate it will last {rest}."
    day = pace.runs_out_at.astimezone(zone).date()
    return f"{recent} At this rate it will run out around {day_text(day)}."
