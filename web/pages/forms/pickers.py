"""Record picker: a search box with radio buttons for the results.

Without JavaScript the form has its own search button; with it, htmx loads the results while the user types.
The selected record is submitted as `kind:id`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, abort, render_template, request
from wtforms import Field
from wtforms.form import BaseForm
from wtforms.validators import ValidationError

from web.languages import gettext
from web.pages.context import actor, desk
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.register import (
    get_customer,
    get_item,
    get_org_unit,
    list_customers,
    list_items,
    list_org_units,
)
from workflows.views.register import CustomerView, ItemView, OrgUnitView

MAX_RESULTS = 8
KINDS = ("customer", "org_unit", "item")

pages = Blueprint("pickers", __name__)


@dataclass(frozen=True, slots=True)
class Option:
    """A record that can be selected."""

    value: str
    label: str
    detail: str


@dataclass(slots=True)
class PickerResults:
    """Search results. `selected` is `kind:id` or "", `last_query` the query of the results last shown.

    With `of_customer`, lists the items this customer may request support for, even without a query.
    """

    name: str
    kinds: tuple[str, ...]
    q: str = ""
    last_query: str = ""
    selected: str = ""
    optional: bool = False
    of_customer: str = ""
    options: list[Option] = field(default_factory=list)
    more: bool = False

    @property
    def has_new_query(self) -> bool:
        """Whether the query changed and its results have not been shown yet."""
        return bool(self.q) and self.q != self.last_query

    def load_options(self, tx: Transaction, *, select_single: bool = True) -> None:
        """Load the options: the selected record and the search results.

        A new search with a single result selects it, unless `select_single` is False (used while typing).
        """
        found = self._find(tx)
        self.more = len(found) > MAX_RESULTS
        found = found[:MAX_RESULTS]
        if select_single and self.has_new_query and len(found) == 1:
            self.selected = found[0].value
        chosen = option_of(tx, self.selected, self.kinds)
        if chosen is None:
            self.selected = ""
        elif chosen not in found:
            found = [chosen, *found]
        self.options = found
        self.last_query = self.q

    def _find(self, tx: Transaction) -> list[Option]:
        if self.of_customer:
            q, whose, limit = self.q or None, self.of_customer, MAX_RESULTS + 1
            own = list_items(tx, q=q, for_customer=whose, owner=whose, limit=limit).items
            listed = [*own, *list_items(tx, q=q, for_customer=whose, limit=limit).items]
            # a customer's own items first: they are needed more often than those of the whole site
            return list({one.id: _item(one) for one in listed}.values())
        return find_options(tx, self.kinds, self.q) if self.q else []


class RecordField(Field):
    """A record of one of the kinds, found by typing. `data` is `kind:id`, or "" where none is selected."""

    def __init__(
        self,
        label: str,
        kinds: Sequence[str],
        *,
        optional: bool = False,
        placeholder: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(label, **kwargs)
        self.placeholder = placeholder
        self.has_new_query = False
        self.results = PickerResults(self.name, tuple(kinds), optional=optional)

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = str(valuelist[0]) if valuelist else ""

    def process(self, formdata: Any, *args: Any, **kwargs: Any) -> None:
        super().process(formdata, *args, **kwargs)
        if formdata:
            self.results.q = " ".join(str(formdata.get(f"{self.name}_q", "")).split())
            self.results.last_query = str(formdata.get(f"{self.name}_seen", ""))
        self.results.selected = self.data or ""
        self.has_new_query = self.results.has_new_query

    def pre_validate(self, form: BaseForm) -> None:
        """Report a missing required record together with other missing fields."""
        if not self.results.optional and self.record_id is None:
            raise ValidationError(gettext("This field is required."))

    def load_options(self, tx: Transaction) -> None:
        """Load the options and the selection."""
        self.results.load_options(tx)
        self.data = self.results.selected

    @property
    def kind(self) -> str:
        return str(self.data or "").partition(":")[0]

    @property
    def record_id(self) -> str | None:
        return str(self.data or "").partition(":")[2] or None

    @property
    def command_value(self) -> dict[str, str] | None:
        """The record as used in commands: {"customer": id}."""
        known = self.record_id and self.kind in self.results.kinds
        return {self.kind: str(self.record_id)} if known else None


def find_options(tx: Transaction, kinds: Iterable[str], q: str) -> list[Option]:
    """Search these kinds of records; returns at most one more of each kind than is shown."""
    found: list[Option] = []
    for kind in kinds:
        if kind == "customer":
            found += [_customer(one) for one in list_customers(tx, q=q, limit=MAX_RESULTS + 1).items]
        elif kind == "org_unit":
            found += [_org_unit(one) for one in list_org_units(tx, q=q, limit=MAX_RESULTS + 1).items]
        elif kind == "item":
            found += [_item(one) for one in list_items(tx, q=q, limit=MAX_RESULTS + 1).items]
    return found


def option_of(tx: Transaction, value: str, kinds: Iterable[str]) -> Option | None:
    """The option for a selected record; None if it does not exist or the actor may not see it."""
    kind, _, record_id = value.partition(":")
    if kind not in kinds or not record_id:
        return None
    try:
        if kind == "customer":
            return _customer(get_customer(tx, record_id))
        if kind == "org_unit":
            return _org_unit(get_org_unit(tx, record_id))
        return _item(get_item(tx, record_id))
    except NotFound:
        return None


def find_org_unit(tx: Transaction, typed: str) -> str | None:
    """The id of the org unit with this code, name or id, as typed into a filter; None if none fits."""
    units = list_org_units(tx, code=typed, limit=1).items or list_org_units(tx, q=typed, limit=1).items
    if units:
        return units[0].id
    return typed if option_of(tx, f"org_unit:{typed}", ["org_unit"]) else None


@pages.get("/pick/<name>")
def pick(name: str) -> str:
    """The results for the current query, as radio buttons for the named field."""
    kinds = [kind for kind in request.args.get("kinds", "").split(",") if kind in KINDS]
    if not kinds or not name.isidentifier():
        abort(404)
    results = PickerResults(
        name,
        tuple(kinds),
        q=" ".join(request.args.get(f"{name}_q", "").split()),
        selected=request.args.get(name, ""),
        optional="optional" in request.args,
        of_customer=request.args.get("of_customer", ""),
    )
    with desk().read(actor()) as tx:
        results.load_options(tx, select_single=False)
    return render_template("parts/picker_results.html", results=results)


def _customer(one: CustomerView) -> Option:
    detail = one.email if one.org_unit_name is None else f"{one.email}, {one.org_unit_name}"
    return Option(f"customer:{one.id}", one.name, gettext("Customer, %(detail)s", detail=detail))


def _org_unit(one: OrgUnitView) -> Option:
    detail = gettext("Org unit, %(code)s", code=one.code)
    if one.parent_name is not None:
        detail = gettext("Org unit, %(code)s, part of %(parent)s", code=one.code, parent=one.parent_name)
    return Option(f"org_unit:{one.id}", one.name, detail)


def _item(one: ItemView) -> Option:
    detail = gettext("Item %(number)s, no owner", number=one.number)
    if one.owner_name:
        detail = gettext("Item %(number)s, owned by %(owner)s", number=one.number, owner=one.owner_name)
    return Option(f"item:{one.id}", one.name, detail)
