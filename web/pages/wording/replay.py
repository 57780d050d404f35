"""The results of a replay as text and chart data, shown by `rules/replay_summary.html`."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from web.pages.context import settings, zone
from web.pages.wording.formats import (
    day_text,
    instant_text,
    minutes_text,
    money_text,
    month_text,
    number_text,
)
from web.pages.wording.labels import OUTCOMES, label_of
from web.pages.wording.template_labels import TemplateLabels
from workflows.contracts.names import ContractName, contract_names
from workflows.core.transaction import Transaction
from workflows.views.replays import MoveView, OverageView, ReplayView, ResultView, SummaryView

MAX_MOVES_IN_SENTENCE = 3
PAYERS = {
    "grant": "Drawn from contracts",
    "covered": "Covered without draw-down",
    "carried": "Carried forward",
    "ignored": "Not billed",
    "overage": "Billed as overage",
    "not_worked": "Not worked: request waiting",
}
NO_CONTRACT = {
    "uncovered": "no contract",
    "offered": "a contract to be chosen",
    "refused": "refused",
    "waiting": "waiting for a contract",
    "created": "a new contract",
}


@dataclass(frozen=True, slots=True)
class Side:
    """The result of a decision: `text` for sentences, `title` and `detail` for charts and tables."""

    text: str
    title: str
    detail: str
    contract: str | None
    number: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """Decisions with the same change; `width` is in percent of the widest bar."""

    place: int
    before: Side
    after: Side
    count: str
    time: str
    overage: str
    width: int


@dataclass(frozen=True, slots=True)
class Payer:
    """Minutes of the changed decisions by how they are charged; starts and widths are percentages."""

    kind: str
    label: str
    before: str
    after: str
    change: str
    before_start: str
    before_width: str
    after_start: str
    after_width: str


@dataclass(frozen=True, slots=True)
class ReplayDescription:
    """A replay as shown on pages. `share` is the progress in percent, None if not known yet."""

    replay: ReplayView
    span: str
    headline: str
    sentences: list[str]
    moves: list[Move]
    other_ways: int
    payers: list[Payer]
    share: int | None
    progress: str
    is_empty: bool


@dataclass(frozen=True, slots=True)
class ReplayLine:
    """A replay in the list; `is_published` says whether its rules were published."""

    replay: ReplayView
    span: str
    headline: str
    share: int | None
    is_published: bool


def replay_line(replay: ReplayView, published: Container[str]) -> ReplayLine:
    """A replay in the list; `published` contains the published versions."""
    span = span_text_of(replay.from_at, replay.to_at)
    found = ""
    if replay.summary is not None:
        differ = _count(replay.summary.differ) if replay.summary.differ else "None"
        found = f"{differ} of {_count(replay.summary.decisions)} decisions would change"
    return ReplayLine(replay, span, found, _share(replay), replay.version in published)


def describe_replay(tx: Transaction, replay: ReplayView) -> ReplayDescription:
    """Describe a replay, with the names of its contracts."""
    span = span_text_of(replay.from_at, replay.to_at)
    summary = replay.summary
    if summary is None:
        return ReplayDescription(replay, span, "", [], [], 0, [], _share(replay), _progress(replay), False)
    names = contract_names(tx, [side.contract for one in summary.moves for side in (one.before, one.after)])
    most = max((one.decisions for one in summary.moves), default=1)
    moves = [_move(place, one, names, most) for place, one in enumerate(summary.moves)]
    return ReplayDescription(
        replay=replay,
        span=span,
        headline=_headline(summary, span),
        sentences=list(_sentences(summary, moves)),
        moves=moves,
        other_ways=summary.moves_left_out,
        payers=_payers(summary),
        share=100,
        progress="",
        is_empty=not (summary.differ or summary.charged_otherwise),
    )


def side_of(result: ResultView, names: Mapping[str, ContractName]) -> Side:
    """Describe one side of a difference."""
    name = names.get(result.contract or "")
    number = name.number if name is not None else result.contract_number
    if result.outcome == "created":
        label = TemplateLabels.contract_type(result.type or "")
        return Side(f"a new contract ({label})", "A new contract", label, None, None)
    if number is None:
        title = label_of(OUTCOMES, result.outcome).text
        return Side(NO_CONTRACT.get(result.outcome, title.lower()), title, "", None, None)
    label = TemplateLabels.contract_type(name.type if name is not None else result.type or "")
    holder = name.holder_name if name is not None else ""
    detail = f"{label} of {holder}" if holder else label
    waits = result.outcome == "waiting"
    return Side(
        text=f"waiting for {number} ({detail})" if waits else f"{number} ({detail})",
        title=f"Waiting for {number}" if waits else number,
        detail=detail,
        contract=result.contract,
        number=number,
    )


def span_text_of(from_at: datetime, to_at: datetime) -> str:
    """ "in October 2026", "on 3 Oct 2026", "from 3 Oct 2026 to 9 Oct 2026": the last day is included."""
    start, end = from_at.astimezone(zone()), to_at.astimezone(zone())
    if any((one.hour, one.minute, one.second) != (0, 0, 0) for one in (start, end)):
        return f"from {instant_text(from_at, zone())} to {instant_text(to_at, zone())}"
    first, last = start.date(), end.date() - timedelta(days=1)
    if first == last:
        return f"on {day_text(first)}"
    if first.day == 1 and end.day == 1 and (first.year, first.month) == (last.year, last.month):
        return f"in {month_text(first)}"
    return f"from {day_text(first)} to {day_text(last)}"


def overage_text(one: OverageView) -> str:
    """ "€1,480.00 less overage"."""
    amount = money_text(abs(one.change_minor), one.currency)
    return f"{amount} {'less' if one.change_minor < 0 else 'more'} overage"


def _price_text(one: OverageView) -> str:
    """ "the price of the work would rise from €480.00 to €620.00"."""
    direction = "fall" if one.change_minor < 0 else "rise"
    before, after = (money_text(minor, one.currency) for minor in (one.before_minor, one.after_minor))
    return f"the price of the work would {direction} from {before} to {after}"


# ------------------------------------------------------------------ parts


def _headline(summary: SummaryView, span: str) -> str:
    if not summary.decisions:
        return f"No decisions {span}."
    of = f"{_count(summary.decisions)} decision{'s' if summary.decisions != 1 else ''} {span}"
    if not summary.differ:
        if summary.decisions == 1:
            return f"The only decision {span} would not change."
        return f"None of the {of} would change."
    return f"{_count(summary.differ)} of {of} would change."


def _sentences(summary: SummaryView, moves: list[Move]) -> list[str]:
    said: list[str] = []
    if moves:
        shown = [f"{one.count} from {one.before.text} to {one.after.text}" for one in moves]
        rest = len(moves) - MAX_MOVES_IN_SENTENCE + summary.moves_left_out
        more = [f"the rest in {_count(rest)} other way{'s' if rest != 1 else ''}"] if rest > 0 else []
        said.append(_joined([*shown[:MAX_MOVES_IN_SENTENCE], *more]))
    moved = [f"{minutes_text(summary.moved_minutes)} of work would move"] if summary.moved_minutes else []
    overage = [overage_text(one) for one in summary.overage if one.change_minor]
    prices = [_price_text(one) for one in summary.prices if one.change_minor]
    if moved or overage or prices:
        said.append(", ".join([*moved, *overage, *prices]))
    elif summary.differ:
        said.append("No work would move, and overage would not change")
    if summary.charged_otherwise:
        said.append(f"{_count(summary.charged_otherwise)} more would differ only in what is charged")
    if summary.by_another_rule:
        said.append(f"{_count(summary.by_another_rule)} would have the same result by a different rule")
    return [f"{one}." for one in said]


def _move(place: int, one: MoveView, names: Mapping[str, ContractName], most: int) -> Move:
    payer = names.get(one.after.contract or "") or names.get(one.before.contract or "")
    currency = payer.currency if payer is not None else settings().currency
    change = OverageView(currency, 0, 0, one.overage_change_minor)
    return Move(
        place=place,
        before=side_of(one.before, names),
        after=side_of(one.after, names),
        count=_count(one.decisions),
        time=minutes_text(one.moved_minutes) if one.moved_minutes else "",
        overage=overage_text(change) if one.overage_change_minor else "",
        width=max(2, 100 * one.decisions // most),
    )


def _payers(summary: SummaryView) -> list[Payer]:
    before, after = summary.minutes_before, summary.minutes_after
    whole = max(sum(before.values()), sum(after.values()))
    if not whole:
        return []
    found, start, then = [], 0, 0
    for kind, label in PAYERS.items():
        was, would = before.get(kind, 0), after.get(kind, 0)
        if not was and not would:
            continue
        change = would - was
        found.append(
            Payer(
                kind=kind,
                label=label,
                before=minutes_text(was),
                after=minutes_text(would),
                change=f"{'+' if change > 0 else ''}{minutes_text(change)}" if change else "no change",
                before_start=_percent(start, whole),
                before_width=_percent(was, whole),
                after_start=_percent(then, whole),
                after_width=_percent(would, whole),
            )
        )
        start, then = start + was, then + would
    return found


def _share(replay: ReplayView) -> int | None:
    if not replay.decisions:
        return None
    return min(100, 100 * replay.decisions_done // replay.decisions)


def _progress(replay: ReplayView) -> str:
    if replay.decisions is None:
        return "Queued or just started."
    if replay.decisions_done >= replay.decisions:
        return f"All {_count(replay.decisions)} decisions replayed. Calculating totals."
    return f"{_count(replay.decisions_done)} of {_count(replay.decisions)} decisions replayed."


def _percent(part: int, whole: int) -> str:
    hundredths = part * 10_000 // whole
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _count(number: int) -> str:
    return number_text(number)


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
