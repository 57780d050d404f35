"""What the page of a report consists of: filters in its address, a plot with its table, a list of rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import render_template, request, url_for

from web.languages import gettext
from web.pages.layout.listing import query_filters
from web.pages.reports.plots import Plot, Series, month_label, plot_months
from workflows.views import CountedPage, Page

LINKED_FILTERS = ("contract", "technician", "level", "counted", "month")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; one with an `order` can be sorted by it."""

    label: str
    order: str = ""
    is_amount: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as text, with what it is made of behind `href`, and perhaps a detail below it."""

    text: str
    href: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first cell of each names the row."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter with a few values, by value and label."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ReportPage:
    """The page of a report. `what` is a row of its list in the singular, `chosen` the filters in its address.

    `views` are the labels of other ways to list the same, by the value of `by`; `party_name` is whom it is
    filtered by.
    """

    title: str
    explanation: str
    chosen: dict[str, Any]
    page: Page[Any]
    table: Table
    what: str
    order: str
    empty: str
    plot: Plot | None = None
    months: Table | None = None
    views: Mapping[str, str] = field(default_factory=dict)
    by: str = ""
    choices: Sequence[Choice] = ()
    plural: str = ""
    has_months: bool = True
    party_name: str | None = None
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def narrowed_by(self) -> list[str]:
        """The filters that have no field of their own: links set them."""
        return [name for name in LINKED_FILTERS if self.chosen.get(name)]

    def render(self) -> str:
        assert isinstance(self.page, CountedPage), "a page of the web pages is counted"
        return render_template("reports/show.html", report=self)


def span_of_query() -> dict[str, Any]:
    """The months of the address, as the reports take them."""
    given = query_filters("from", "to")
    return {"from_": given.get("from"), "to": given.get("to")}


def by_of_query(views: Mapping[str, str]) -> str:
    """Which of the views the address names, else the first."""
    by = request.args.get("by", "")
    return by if by in views else next(iter(views))


def order_of_query(default: str) -> str:
    return request.args.get("order") or default


@dataclass(frozen=True, slots=True)
class Sums:
    """How the sums of a report are shown: their names and labels in order, and how each is written.

    `plotted` are at most four of them. `chosen` are the filters of the address, `by` is how the rows are
    listed; `records` gives the address of the records behind a row's sum, by the name of the sum.
    """

    endpoint: str
    labels: Mapping[str, str]
    plotted: Sequence[str]
    text: Callable[[str, int], str]
    chosen: Mapping[str, Any]
    by: str
    records: Callable[[Any, str], str]
    next_by: str = "contract"

    def by_month(self, months: Sequence[Any]) -> dict[str, Any]:
        """The plot and the table of the months, as fields of a `ReportPage`."""
        names = [one.month for one in months]
        series = [
            Series(self.labels[name], [getattr(one, name) for one in months], partial(self.text, name))
            for name in self.plotted
        ]
        columns = [
            Column(gettext("Month")),
            *(Column(label, is_amount=True) for label in self.labels.values()),
        ]
        rows = []
        for one in months:
            only = {"from": one.month, "to": one.month, "by": self.by}
            link = Cell(month_label(one.month), self._href(only))
            rows.append([link, *self._amounts(one, partial(self._largest, only))])
        return {"plot": plot_months(names, series), "months": Table(columns, rows)}

    def table(self, rows: Sequence[Any]) -> Table:
        """The table of the rows; amounts link to what they are made of."""
        first = {
            "customer": [Column(gettext("Customer"))],
            "contract": [Column(gettext("Contract"))],
            "technician": [Column(gettext("Technician"))],
            "level": [Column(gettext("Service level"))],
        }
        kind, _, month = self.by.partition("_and_")
        keys = [*first[kind], *([Column(gettext("Month"), order="month")] if month else [])]
        amounts = [Column(label, order=name, is_amount=True) for name, label in self.labels.items()]
        return Table([*keys, *amounts], [self._row(one) for one in rows])

    def _row(self, one: Any) -> list[Cell]:
        only: dict[str, Any] = {"by": self.next_by}
        if self.by in ("customer", "customer_and_month"):
            only["party"] = party_key(one.party)
            cells = [Cell(one.party_name or "", self._href(only))]
            if self.by == "customer_and_month":
                only |= {"from": one.month, "to": one.month}
                cells.append(Cell(month_label(one.month), self._href(only)))
            return [*cells, *self._amounts(one, partial(self._largest, only))]
        month = [Cell(month_label(one.month))] if self.by == "technician_and_month" else []
        return [self._record(one), *month, *self._amounts(one, partial(self.records, one))]

    def _record(self, one: Any) -> Cell:
        """What a row is about that is neither a customer nor a month."""
        if self.by == "contract":
            if one.contract is None:
                return Cell(gettext("No contract"))
            return Cell(one.contract_number or "", url_for("contract.show", contract_id=one.contract))
        if self.by in ("technician", "technician_and_month"):
            return Cell(one.technician_name or "")
        return Cell(one.level_label or gettext("No service level any more"))

    def _amounts(self, one: Any, href: Callable[[str], str]) -> list[Cell]:
        amounts = {name: getattr(one, name) for name in self.labels}
        return [Cell(self.text(name, value), href(name) if value else "") for name, value in amounts.items()]

    def _largest(self, only: Mapping[str, Any], name: str) -> str:
        """The report with further filters, the largest of an amount first."""
        return self._href({**only, "order": f"-{name}"})

    def _href(self, only: Mapping[str, Any]) -> str:
        return url_for(self.endpoint, **{**self.chosen, **only})


def party_key(party: dict[str, str] | None) -> str:
    """A party as filters have it: `customer:ID`."""
    return "".join(f"{kind}:{record_id}" for kind, record_id in (party or {}).items())
