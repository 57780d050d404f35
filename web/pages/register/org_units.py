"""Org units: companies, sites and departments as a tree."""

import json
from dataclasses import dataclass, field

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import StringField

from web.languages import gettext, lazy_text
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import EditingForm, Explicit, attempt_once, succeeds
from web.pages.forms.pickers import RecordField
from web.pages.layout.list_links import keep_list
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
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
MAX_IN_TREE = 1000
SHOWN_BELOW = 20

pages = Blueprint("org_units", __name__, url_prefix="/org-units")
keep_list(pages, "org_unit_id")


class OrgUnitForm(EditingForm):
    code = StringField(lazy_text("Code"), description=lazy_text("Short and unique, for example ACME-B."))
    name = StringField(lazy_text("Name"))
    parent = RecordField(
        lazy_text("Parent"),
        ["org_unit"],
        optional=True,
        placeholder=lazy_text("Name or code of the parent unit"),
    )


@dataclass(slots=True)
class Node:
    """An org unit with its sub-units."""

    unit: OrgUnitView
    below: list["Node"] = field(default_factory=list)


@pages.get("")
def org_units() -> str | Response:
    filters = query_filters("q")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_org_units(tx, **filters, **at))
            return csv_response(
                "org-units",
                ["code", "name", "parent"],
                [(one.code, one.name, one.parent_name) for one in rows],
            )
        if filters:
            page = list_org_units(tx, **filters, **counted_page())
            return render_template("register/org_units/index.html", page=page, filters=filters, tree=None)
        everything = list(all_rows(lambda **at: list_org_units(tx, **at), limit=MAX_IN_TREE + 1))
    return render_template(
        "register/org_units/index.html",
        page=None,
        filters=filters,
        tree=build_tree(everything[:MAX_IN_TREE]),
        shown=len(everything[:MAX_IN_TREE]),
        truncated=len(everything) > MAX_IN_TREE,
    )


@pages.get("/<org_unit_id>")
def show(org_unit_id: str) -> str:
    with desk().read(actor()) as tx:
        return render_template(
            "register/org_units/show.html",
            unit=get_org_unit(tx, org_unit_id),
            ancestors=_ancestors(tx, org_unit_id),
            below=list_org_units(tx, parent=org_unit_id, limit=200).items,
            customers=list_customers(tx, org_unit=org_unit_id, limit=SHOWN_BELOW),
            items=list_items(tx, owner=org_unit_id, limit=SHOWN_BELOW),
        )


@pages.route("/new", methods=["GET", "POST"])
def new() -> str | tuple[str, int] | Response:
    require_role(*EDITORS)
    form = OrgUnitForm(
        data={"parent": f"org_unit:{request.args['parent']}" if "parent" in request.args else ""}
    )
    if form.is_submitted() and not form.is_searching:
        values = {"code": form.code.data, "name": form.name.data, "parent": form.parent.record_id}
        command = form.checked_command(NewOrgUnit, values)
        org_unit_id = (
            attempt_once(form, lambda tx: create_org_unit(tx, command), command) if command else None
        )
        if org_unit_id:
            flash(gettext("%(name)s has been added.", name=form.name.data), "success")
            return redirect(url_for("org_units.show", org_unit_id=org_unit_id))
    return _form_page(form, gettext("New org unit"), None)


@pages.route("/<org_unit_id>/edit", methods=["GET", "POST"])
def edit(org_unit_id: str) -> str | tuple[str, int] | Response:
    require_role(*EDITORS)
    with desk().read(actor()) as tx:
        unit = get_org_unit(tx, org_unit_id)
    parent = f"org_unit:{unit.parent}" if unit.parent else ""
    stored = {"code": unit.code, "name": unit.name, "parent": parent}
    form = OrgUnitForm(data={**stored, "seen": json.dumps(stored)})
    if form.is_submitted() and not form.is_searching and form.validate():
        values = form.changes(stored, {name: form[name].data for name in stored})
        if "parent" in values:
            values["parent"] = Explicit(form.parent.record_id)
        command = None if form.has_errors else form.command(ChangeOrgUnit, values)
        if command and succeeds(form, lambda tx: change_org_unit(tx, org_unit_id, command)):
            flash(gettext("Saved."), "success")
            return redirect(url_for("org_units.show", org_unit_id=org_unit_id))
    return _form_page(form, gettext("Edit %(name)s", name=unit.name), unit)


def build_tree(units: list[OrgUnitView]) -> list[Node]:
    """Build the tree of units; units whose parent is not in the list are roots."""
    nodes = {unit.id: Node(unit) for unit in units}
    top: list[Node] = []
    for node in nodes.values():
        above = nodes.get(node.unit.parent or "")
        (above.below if above else top).append(node)
    return top


def _ancestors(tx: Transaction, org_unit_id: str) -> list[OrgUnitView]:
    """The ancestors of a unit, the root first."""
    ancestors: list[OrgUnitView] = []
    at = get_org_unit(tx, org_unit_id).parent
    while at is not None and len(ancestors) < 50:
        unit = get_org_unit(tx, at)
        ancestors.insert(0, unit)
        at = unit.parent
    return ancestors


def _form_page(form: OrgUnitForm, title: str, unit: OrgUnitView | None) -> tuple[str, int]:
    with desk().read(actor()) as tx:
        form.load_options(tx)
    page = render_template("register/org_units/form.html", form=form, title=title, unit=unit)
    return page, 422 if form.has_errors else 200
