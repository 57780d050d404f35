"""Bars by month as SVG, readable without colour: each series has a fill of its own, and a table beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from babel.dates import format_date

from engine.accounting_periods import first_day_of
from web.languages import gettext, language, locale
from web.pages.wording.labels import labelled

WIDTH, HEIGHT = 600, 120
MOST_LABELS = 12
GAP_PERCENT = 24
"""Of the width of a month, left free between it and the next."""
FILLS = ("hollow", "drawn", "expired", "held")
"""Fills that differ without colour, see `parts/patterns.html`: an outline, plain, dots and stripes."""


@dataclass(frozen=True, slots=True)
class Series:
    """A row of bars: one whole number for each month, which `text` writes."""

    label: str
    amounts: Sequence[int]
    text: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar within 600 by 120; `text` says what it stands for."""

    x: int
    y: int
    width: int
    height: int
    fill: str
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Bars of several series by month. `ticks` are the labels below the months, some of them empty."""

    summary: str
    bars: list[Bar]
    zero_y: int
    legend: list[tuple[str, str]]
    ticks: list[str]


def plot_months(months: Sequence[str], series: Sequence[Series]) -> Plot | None:
    """The bars of at most four series for months (YYYY-MM); None where every amount is zero."""
    every = [value for one in series for value in one.amounts]
    if not any(every):
        return None
    highest, lowest = max([0, *every]), min([0, *every])
    scale = _Scale(len(months), len(series), highest, lowest)
    bars = [
        scale.bar(place, number, value, fill, labelled(f"{month_label(month)}, {one.label}", one.text(value)))
        for number, (one, fill) in enumerate(zip(series, FILLS, strict=False))
        for place, (month, value) in enumerate(zip(months, one.amounts, strict=True))
        if value
    ]
    return Plot(
        summary=_summary(months, series),
        bars=bars,
        zero_y=scale.y(0),
        legend=[(one.label, fill) for one, fill in zip(series, FILLS, strict=False)],
        ticks=_ticks(months),
    )


def month_label(month: str) -> str:
    """2026-03 is "Mar 2026"."""
    first_day = first_day_of(month)
    return format_date(first_day, "MMM y", locale=locale()) if first_day is not None else month


@dataclass(frozen=True, slots=True)
class _Scale:
    months: int
    series: int
    highest: int
    lowest: int

    def y(self, amount: int) -> int:
        return HEIGHT * (self.highest - amount) // (self.highest - self.lowest)

    def bar(self, place: int, number: int, amount: int, fill: str, text: str) -> Bar:
        month = WIDTH // self.months
        left = WIDTH * place // self.months + month * GAP_PERCENT // 200
        inner = month * (100 - GAP_PERCENT) // 100
        x, end = left + inner * number // self.series, left + inner * (number + 1) // self.series
        top, bottom = sorted((self.y(amount), self.y(0)))
        # an amount is seen, however little it is
        return Bar(x, top if top < bottom else top - 1, max(1, end - x), max(1, bottom - top), fill, text)


def _ticks(months: Sequence[str]) -> list[str]:
    step = -(-len(months) // MOST_LABELS)
    labels = []
    for place, month in enumerate(months):
        first_day = first_day_of(month)
        form = "MMM y" if len(months) <= 3 else "MMM"
        labels.append(
            format_date(first_day, form, locale=locale())
            if first_day is not None and place % step == 0
            else ""
        )
    return labels


def _summary(months: Sequence[str], series: Sequence[Series]) -> str:
    totals = ", ".join(f"{_in_sentence(one.label)} {one.text(sum(one.amounts))}" for one in series)
    first, last = month_label(months[0]), month_label(months[-1])
    if len(months) == 1:
        return gettext("By month, %(month)s: %(totals)s.", month=first, totals=totals)
    return gettext("By month, %(first)s to %(last)s: %(totals)s.", first=first, last=last, totals=totals)


def _in_sentence(label: str) -> str:
    """A label within a sentence; in German it may be a noun."""
    return label if language() == "de" else label.lower()
