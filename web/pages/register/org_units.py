"""Org units: companies, sites and departments as a tree."""

import json
from dataclasses import dataclass, field

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import StringField

from web.pages.context import actor, desk, only
from web.pages.forms.base import EditingForm, Given, attempt, succeeds
from web.pages.forms.pickers import RecordField
from web.pages.layout.listing import asked, csv_response, cursor, every_page, wants_csv
from workflows.commands.register import ChangeOrgUnit, NewOrgUnit
from workflows.core.actors import SUPERVISORS
from workflows.core.transaction import Transaction
from workflows.register import (
    change_org_unit,
    create_org_unit,
    get_org_unit,
    list_customers,
    list_items,
    list_org_units,
)
from workflows.views.register import OrgUnitView

EDITORS = SUPERVISORS
MOST_IN_TREE = 1000
SHOWN_BELOW = 20

pages = Blueprint("org_units", __name__, url_prefix="/org-units")


class OrgUnitForm(EditingForm):
    code = StringField("Code", description="Short and unique, for example ACME-B.")
    name = StringField("Name")
    parent = RecordField("Part of", ["org_unit"], optional=True, placeholder="Name or code of the unit above")


@dataclass(slots=True)
class Node:
    """An org unit with those below it."""

    unit: OrgUnitView
    below: list["Node"] = field(default_factory=list)


@pages.get("")
def org_units() -> str | Response:
    filters = asked("q")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = every_page(lambda **at: list_org_units(tx, **filters, **at))
            return csv_response(
                "org-units",
                ["code", "name", "parent"],
                [(one.code, one.name, one.parent_name) for one in rows],
            )
        if filters:
            page = list_org_units(tx, **filters, cursor=cursor())
            return render_template("register/org_units/index.html", page=page, filters=filters, tree=None)
        everything = list(every_page(lambda **at: list_org_units(tx, **at), most=MOST_IN_TREE + 1))
    return render_template(
        "register/org_units/index.html",
        page=None,
        filters=filters,
        tree=as_tree(everything[:MOST_IN_TREE]),
        cut=len(everything) > MOST_IN_TREE,
    )


@pages.get("/<org_unit_id>")
def show(org_unit_id: str) -> str:
    with desk().read(actor()) as tx:
        return render_template(
            "register/org_units/show.html",
            unit=get_org_unit(tx, org_unit_id),
            line=_line(tx, org_unit_id),
            below=list_org_units(tx, parent=org_unit_id, limit=200).items,
            customers=list_customers(tx, org_unit=org_unit_id, limit=SHOWN_BELOW),
            items=list_items(tx, owner=org_unit_id, limit=SHOWN_BELOW),
        )


@pages.route("/new", methods=["GET", "POST"])
def new() -> str | tuple[str, int] | Response:
    only(*EDITORS)
    form = OrgUnitForm(
        data={"parent": f"org_unit:{request.args['parent']}" if "parent" in request.args else ""}
    )
    if form.is_submitted() and not form.asks and form.validate():
        values = {"code": form.code.data, "name": form.name.data, "parent": form.parent.record_id}
        command = form.command(NewOrgUnit, values)
        made = attempt(form, lambda tx: create_org_unit(tx, command)) if command else None
        if made:
            flash(f"{form.name.data} is in the register.", "good")
            return redirect(url_for("org_units.show", org_unit_id=made))
    return _draw(form, "New org unit", None)


@pages.route("/<org_unit_id>/edit", methods=["GET", "POST"])
def edit(org_unit_id: str) -> str | tuple[str, int] | Response:
    only(*EDITORS)
    with desk().read(actor()) as tx:
        unit = get_org_unit(tx, org_unit_id)
    parent = f"org_unit:{unit.parent}" if unit.parent else ""
    kept = {"code": unit.code, "name": unit.name, "parent": parent}
    form = OrgUnitForm(data={**kept, "seen": json.dumps(kept)})
    if form.is_submitted() and not form.asks and form.validate():
        values = form.changes(kept, {name: form[name].data for name in kept})
        if "parent" in values:
            values["parent"] = Given(form.parent.record_id)
        command = None if form.is_wrong else form.command(ChangeOrgUnit, values)
        if command and succeeds(form, lambda tx: change_org_unit(tx, org_unit_id, command)):
            flash("Saved.", "good")
            return redirect(url_for("org_units.show", org_unit_id=org_unit_id))
    return _draw(form, f"Edit {unit.name}", unit)


def as_tree(units: list[OrgUnitView]) -> list[Node]:
    """The units below their parents; those whose parent is not among them stand at the top."""
    nodes = {unit.id: Node(unit) for unit in units}
    top: list[Node] = []
    for node in nodes.values():
        above = nodes.get(node.unit.parent or "")
        (above.below if above else top).append(node)
    return top


def _line(tx: Transaction, org_unit_id: str) -> list[OrgUnitView]:
    """The units above, the highest first."""
    line: list[OrgUnitView] = []
    at = get_org_unit(tx, org_unit_id).parent
    while at is not None and len(line) < 50:
        unit = get_org_unit(tx, at)
        line.insert(0, unit)
        at = unit.parent
    return line


def _draw(form: OrgUnitForm, title: str, unit: OrgUnitView | None) -> tuple[str, int]:
    with desk().read(actor()) as tx:
        form.look_up(tx)
    page = render_template("register/org_units/form.html", form=form, title=title, unit=unit)
    return page, 422 if form.is_wrong else 200
