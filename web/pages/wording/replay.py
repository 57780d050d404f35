"""The results of a replay as text and chart data, shown by `rules/replay_summary.html`."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import url_for

from web.languages import Texts, gettext, mark, ngettext
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
from workflows.views.replays import (
    InvoiceChangeView,
    MoveView,
    OverageView,
    ReplayView,
    ResultView,
    SummaryView,
)

MAX_MOVES_IN_SENTENCE = 3
MAX_INVOICES = 8
PAYERS = Texts(
    {
        "grant": mark("Drawn from contracts"),
        "covered": mark("Covered without draw-down"),
        "carried": mark("Carried forward"),
        "ignored": mark("Not billed"),
        "overage": mark("Billed as overage"),
        "not_worked": mark("Not worked: request waiting"),
    }
)
NO_CONTRACT = Texts(
    {
        "uncovered": mark("no contract"),
        "offered": mark("a contract to be chosen"),
        "refused": mark("refused"),
        "waiting": mark("waiting for a contract"),
        "created": mark("a new contract"),
    }
)


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
    decisions: int
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
class InvoiceLine:
    """An invoice that would differ; `href` is its page, "" for what is not invoiced yet."""

    title: str
    href: str
    before: str
    after: str
    change: str


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
    invoices: list[InvoiceLine]
    other_invoices: int
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
        found = _share_text(replay.summary)
    return ReplayLine(replay, span, found, _share(replay), replay.version in published)


def _share_text(summary: SummaryView) -> str:
    decisions = number_text(summary.decisions)
    if not summary.differ:
        return gettext("None of %(decisions)s decisions would change", decisions=decisions)
    differ = number_text(summary.differ)
    return gettext("%(differ)s of %(decisions)s decisions would change", differ=differ, decisions=decisions)


def describe_replay(tx: Transaction, replay: ReplayView) -> ReplayDescription:
    """Describe a replay, with the names of its contracts."""
    span = span_text_of(replay.from_at, replay.to_at)
    summary = replay.summary
    if summary is None:
        return ReplayDescription(
            replay, span, "", [], [], 0, [], [], 0, _share(replay), _progress(replay), False
        )
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
        invoices=[invoice_line(one) for one in summary.invoices[:MAX_INVOICES]],
        other_invoices=len(summary.invoices[MAX_INVOICES:]) + summary.invoices_left_out,
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
        text = gettext("a new contract (%(type)s)", type=label)
        return Side(text, gettext("A new contract"), label, None, None)
    if number is None:
        title = label_of(OUTCOMES, result.outcome).text
        return Side(NO_CONTRACT.get(result.outcome) or title.lower(), title, "", None, None)
    label = TemplateLabels.contract_type(name.type if name is not None else result.type or "")
    holder = name.holder_name if name is not None else ""
    detail = gettext("%(type)s of %(holder)s", type=label, holder=holder) if holder else label
    text, title = f"{number} ({detail})", number
    if result.outcome == "waiting":
        text = gettext("waiting for %(number)s (%(contract)s)", number=number, contract=detail)
        title = gettext("Waiting for %(number)s", number=number)
    return Side(
        text=text,
        title=title,
        detail=detail,
        contract=result.contract,
        number=number,
    )


def span_text_of(from_at: datetime, to_at: datetime) -> str:
    """ "in October 2026", "on 3 Oct 2026", "from 3 Oct 2026 to 9 Oct 2026": the last day is included."""
    start, end = from_at.astimezone(zone()), to_at.astimezone(zone())
    if any((one.hour, one.minute, one.second) != (0, 0, 0) for one in (start, end)):
        first_at, last_at = instant_text(from_at, zone()), instant_text(to_at, zone())
        return gettext("from %(first)s to %(last)s", first=first_at, last=last_at)
    first, last = start.date(), end.date() - timedelta(days=1)
    if first == last:
        return gettext("on %(day)s", day=day_text(first))
    if first.day == 1 and end.day == 1 and (first.year, first.month) == (last.year, last.month):
        return gettext("in %(month)s", month=month_text(first))
    return gettext("from %(first)s to %(last)s", first=day_text(first), last=day_text(last))


def overage_text(one: OverageView) -> str:
    """ "€1,480.00 less overage"."""
    amount = money_text(abs(one.change_minor), one.currency)
    if one.change_minor < 0:
        return gettext("%(amount)s less overage", amount=amount)
    return gettext("%(amount)s more overage", amount=amount)


def _price_text(one: OverageView) -> str:
    """ "the price of the work would rise from €480.00 to €620.00"."""
    before, after = (money_text(minor, one.currency) for minor in (one.before_minor, one.after_minor))
    if one.change_minor < 0:
        return gettext(
            "the price of the work would fall from %(before)s to %(after)s", before=before, after=after
        )
    return gettext(
        "the price of the work would rise from %(before)s to %(after)s", before=before, after=after
    )


def invoice_line(one: InvoiceChangeView) -> InvoiceLine:
    """What would change on an invoice, with its number and its page."""
    before, after, change = (
        money_text(minor, one.currency) for minor in (one.before_minor, one.after_minor, one.change_minor)
    )
    more = "+" if one.change_minor > 0 else ""
    if one.invoice is None:
        return InvoiceLine(gettext("Not invoiced yet"), "", before, after, more + change)
    href = url_for("invoice.show", invoice_id=one.invoice)
    return InvoiceLine(one.number or gettext("Draft"), href, before, after, more + change)


# ------------------------------------------------------------------ parts


def _headline(summary: SummaryView, span: str) -> str:
    if not summary.decisions:
        return gettext("No decisions %(period)s.", period=span)
    decisions = number_text(summary.decisions)
    if summary.differ:
        return ngettext(
            "%(differ)s of %(num)s decision %(period)s would change.",
            "%(differ)s of %(num)s decisions %(period)s would change.",
            summary.decisions,
            differ=number_text(summary.differ),
            num=decisions,
            period=span,
        )
    if summary.decisions == 1:
        return gettext("The only decision %(period)s would not change.", period=span)
    return gettext(
        "None of the %(decisions)s decisions %(period)s would change.", decisions=decisions, period=span
    )


def _sentences(summary: SummaryView, moves: list[Move]) -> list[str]:
    said: list[str] = []
    if moves:
        shown = [
            gettext(
                "%(count)s from %(before)s to %(after)s",
                count=one.count,
                before=one.before.text,
                after=one.after.text,
            )
            for one in moves[:MAX_MOVES_IN_SENTENCE]
        ]
        rest = len(moves) - MAX_MOVES_IN_SENTENCE + summary.moves_left_out
        said.append(_joined([*shown, _rest_text(rest)] if rest > 0 else shown))
    moved = minutes_text(summary.moved_minutes)
    clauses = [gettext("%(time)s of work would move", time=moved)] if summary.moved_minutes else []
    clauses += [overage_text(one) for one in summary.overage if one.change_minor]
    clauses += [_price_text(one) for one in summary.prices if one.change_minor]
    if clauses:
        said.append(", ".join(clauses))
    elif summary.differ:
        said.append(gettext("No work would move, and overage would not change"))
    if summary.charged_otherwise:
        number = number_text(summary.charged_otherwise)
        said.append(gettext("%(number)s more would differ only in what is charged", number=number))
    if summary.by_another_rule:
        number = number_text(summary.by_another_rule)
        said.append(gettext("%(number)s would have the same result by a different rule", number=number))
    return [f"{one}." for one in said]


def _rest_text(ways: int) -> str:
    return ngettext(
        "the rest in %(num)s other way", "the rest in %(num)s other ways", ways, num=number_text(ways)
    )


def _move(place: int, one: MoveView, names: Mapping[str, ContractName], most: int) -> Move:
    payer = names.get(one.after.contract or "") or names.get(one.before.contract or "")
    currency = payer.currency if payer is not None else settings().currency
    change = OverageView(currency, 0, 0, one.overage_change_minor)
    return Move(
        place=place,
        before=side_of(one.before, names),
        after=side_of(one.after, names),
        decisions=one.decisions,
        count=number_text(one.decisions),
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
                change=f"{'+' if change > 0 else ''}{minutes_text(change)}"
                if change
                else gettext("no change"),
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
        return gettext("Queued or just started.")
    if replay.decisions_done >= replay.decisions:
        return gettext(
            "All %(decisions)s decisions replayed. Calculating totals.",
            decisions=number_text(replay.decisions),
        )
    return gettext(
        "%(done)s of %(decisions)s decisions replayed.",
        done=number_text(replay.decisions_done),
        decisions=number_text(replay.decisions),
    )


def _percent(part: int, whole: int) -> str:
    hundredths = part * 10_000 // whole
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _joined(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return gettext("%(first)s and %(last)s", first=", ".join(parts[:-1]), last=parts[-1])
