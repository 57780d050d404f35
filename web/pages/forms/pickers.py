"""Finding a record by typing: a search box whose answers are radio buttons.

Without JavaScript the form's own button searches and the form comes back with the answers; with it, htmx
asks for them as one types. A picked record is told as `kind:id`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, abort, render_template, request
from wtforms import Field
from wtforms.form import BaseForm
from wtforms.validators import ValidationError

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

SHOWN = 8
KINDS = ("customer", "org_unit", "item")

pages = Blueprint("pickers", __name__)


@dataclass(frozen=True, slots=True)
class Option:
    """A record that can be picked."""

    value: str
    label: str
    under: str


@dataclass(slots=True)
class Answers:
    """What a search box shows below it. `picked` is `kind:id` or "", `seen` the search last answered.

    With `of_customer` it is the items that a customer may ask support for, listed without a search, too.
    """

    name: str
    kinds: tuple[str, ...]
    q: str = ""
    seen: str = ""
    picked: str = ""
    optional: bool = False
    of_customer: str = ""
    options: list[Option] = field(default_factory=list)
    more: bool = False

    @property
    def is_asking(self) -> bool:
        """Something new was typed, and its answers have not been shown yet."""
        return bool(self.q) and self.q != self.seen

    def look_up(self, tx: Transaction, *, picks: bool = True) -> None:
        """Fill in what is offered: the record picked, and what the search finds.

        A new search with one answer picks it, unless `picks` is False: while someone still types.
        """
        found = self._find(tx)
        self.more = len(found) > SHOWN
        found = found[:SHOWN]
        if picks and self.is_asking and len(found) == 1:
            self.picked = found[0].value
        chosen = option_of(tx, self.picked, self.kinds)
        if chosen is None:
            self.picked = ""
        elif chosen not in found:
            found = [chosen, *found]
        self.options = found
        self.seen = self.q

    def _find(self, tx: Transaction) -> list[Option]:
        if self.of_customer:
            q, whose, limit = self.q or None, self.of_customer, SHOWN + 1
            own = list_items(tx, q=q, for_customer=whose, owner=whose, limit=limit).items
            listed = [*own, *list_items(tx, q=q, for_customer=whose, limit=limit).items]
            # a customer's own things first: they are meant more often than those of the whole site
            return list({one.id: _item(one) for one in listed}.values())
        return find_options(tx, self.kinds, self.q) if self.q else []


class RecordField(Field):
    """A record of one of the kinds, found by typing. `data` is `kind:id`, or "" where none is picked."""

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
        self.is_asking = False
        self.answers = Answers(self.name, tuple(kinds), optional=optional)

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = str(valuelist[0]) if valuelist else ""

    def process(self, formdata: Any, *args: Any, **kwargs: Any) -> None:
        super().process(formdata, *args, **kwargs)
        if formdata:
            self.answers.q = " ".join(str(formdata.get(f"{self.name}_q", "")).split())
            self.answers.seen = str(formdata.get(f"{self.name}_seen", ""))
        self.answers.picked = self.data or ""
        self.is_asking = self.answers.is_asking

    def pre_validate(self, form: BaseForm) -> None:
        """A record that is needed is told beside all else that is missing, not one step later."""
        if not self.answers.optional and self.record_id is None:
            raise ValidationError("Fill this in.")

    def look_up(self, tx: Transaction) -> None:
        """Fill in what is offered, and what that picks."""
        self.answers.look_up(tx)
        self.data = self.answers.picked

    @property
    def kind(self) -> str:
        return str(self.data or "").partition(":")[0]

    @property
    def record_id(self) -> str | None:
        return str(self.data or "").partition(":")[2] or None

    @property
    def given(self) -> dict[str, str] | None:
        """The record as commands name it: {"customer": id}."""
        known = self.record_id and self.kind in self.answers.kinds
        return {self.kind: str(self.record_id)} if known else None


def find_options(tx: Transaction, kinds: Iterable[str], q: str) -> list[Option]:
    """What the search finds of these kinds, one more than is shown of each at most."""
    found: list[Option] = []
    for kind in kinds:
        if kind == "customer":
            found += [_customer(one) for one in list_customers(tx, q=q, limit=SHOWN + 1).items]
        elif kind == "org_unit":
            found += [_org_unit(one) for one in list_org_units(tx, q=q, limit=SHOWN + 1).items]
        elif kind == "item":
            found += [_item(one) for one in list_items(tx, q=q, limit=SHOWN + 1).items]
    return found


def option_of(tx: Transaction, value: str, kinds: Iterable[str]) -> Option | None:
    """The option of a record that was picked; None where it is not there or not one's own to see."""
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


@pages.get("/pick/<name>")
def pick(name: str) -> str:
    """The answers to what is being typed, as radio buttons for the field of that name."""
    kinds = [kind for kind in request.args.get("kinds", "").split(",") if kind in KINDS]
    if not kinds or not name.isidentifier():
        abort(404)
    answers = Answers(
        name,
        tuple(kinds),
        q=" ".join(request.args.get(f"{name}_q", "").split()),
        picked=request.args.get(name, ""),
        optional="optional" in request.args,
        of_customer=request.args.get("of_customer", ""),
    )
    with desk().read(actor()) as tx:
        answers.look_up(tx, picks=False)
    return render_template("parts/pick_answers.html", answers=answers)


def _customer(one: CustomerView) -> Option:
    under = one.email if one.org_unit_name is None else f"{one.email}, {one.org_unit_name}"
    return Option(f"customer:{one.id}", one.name, f"Customer, {under}")


def _org_unit(one: OrgUnitView) -> Option:
    under = one.code if one.parent_name is None else f"{one.code}, part of {one.parent_name}"
    return Option(f"org_unit:{one.id}", one.name, f"Org unit, {under}")


def _item(one: ItemView) -> Option:
    whose = f"of {one.owner_name}" if one.owner_name else "nobody's"
    return Option(f"item:{one.id}", one.name, f"Item {one.number}, {whose}")
