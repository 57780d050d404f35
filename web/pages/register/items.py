"""Items: the things supported, and their owners."""

import json

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import StringField

from web.languages import gettext, lazy_text
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import EditingForm, Explicit, attempt_once, succeeds
from web.pages.forms.pickers import RecordField
from web.pages.layout.list_links import keep_list
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from workflows.commands.register import ChangeItem, NewItem
from workflows.core.actors import DESK
from workflows.register import change_item, create_item, get_item, list_items
from workflows.views.register import ItemView

EDITORS = DESK
UNOWNED = "none"

pages = Blueprint("items", __name__, url_prefix="/items")
keep_list(pages, "item_id")


class ItemForm(EditingForm):
    number = StringField(
        lazy_text("Number"), description=lazy_text("The asset, serial or service number that people quote.")
    )
    name = StringField(lazy_text("Name"))
    item_type = StringField(
        lazy_text("Type"),
        description=lazy_text("For example server, printer or service. Contracts can exclude item types."),
    )
    owner = RecordField(
        lazy_text("Owner"),
        ["customer", "org_unit"],
        optional=True,
        placeholder=lazy_text("Name, email or code"),
        description=lazy_text("A person, or a department if there is no individual owner."),
    )


@pages.get("")
def items() -> str | Response:
    filters = query_filters("q", "owner", "item_type", "order")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_items(tx, **filters, **at))
            table = [(one.number, one.name, one.item_type, one.owner_name) for one in rows]
            return csv_response("items", ["number", "name", "type", "owner"], table)
        page = list_items(tx, **filters, **counted_page())
        unowned = list_items(tx, owner=UNOWNED, limit=1).items
    return render_template("register/items/index.html", page=page, filters=filters, has_unowned=bool(unowned))


@pages.get("/<item_id>")
def show(item_id: str) -> str:
    with desk().read(actor()) as tx:
        return render_template("register/items/show.html", item=get_item(tx, item_id))


@pages.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | Response:
    require_role(*EDITORS)
    form = ItemForm(data={"owner": request.args.get("owner", "")})
    if form.is_submitted() and not form.is_searching:
        values = {
            "number": form.number.data,
            "name": form.name.data,
            "item_type": form.item_type.data,
            "owner": Explicit(form.owner.command_value),
        }
        command = form.checked_command(NewItem, values)
        item_id = attempt_once(form, lambda tx: create_item(tx, command), command) if command else None
        if item_id:
            flash(gettext("%(name)s has been added.", name=form.name.data), "success")
            return redirect(url_for("items.show", item_id=item_id))
    return _form_page(form, gettext("New item"), None)


@pages.route("/<item_id>/edit", methods=["GET", "POST"])
def edit(item_id: str) -> tuple[str, int] | Response:
    require_role(*EDITORS)
    with desk().read(actor()) as tx:
        item = get_item(tx, item_id)
    owner = f"{item.owner.kind}:{item.owner.id}" if item.owner else ""
    stored = {"number": item.number, "name": item.name, "item_type": item.item_type, "owner": owner}
    form = ItemForm(data={**stored, "seen": json.dumps(stored)})
    if form.is_submitted() and not form.is_searching and form.validate():
        values = form.changes(stored, {name: form[name].data for name in stored})
        if "owner" in values:
            values["owner"] = Explicit(form.owner.command_value)
        command = None if form.has_errors else form.command(ChangeItem, values)
        if command and succeeds(form, lambda tx: change_item(tx, item_id, command)):
            flash(gettext("Saved."), "success")
            return redirect(url_for("items.show", item_id=item_id))
    return _form_page(form, gettext("Edit %(name)s", name=item.name), item)


def _form_page(form: ItemForm, title: str, item: ItemView | None) -> tuple[str, int]:
    with desk().read(actor()) as tx:
        form.load_options(tx)
    page = render_template("register/items/form.html", form=form, title=title, item=item)
    return page, 422 if form.has_errors else 200
