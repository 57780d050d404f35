"""Items: the things supported, and whose they are."""

import json

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import StringField

from web.pages.context import actor, desk, only
from web.pages.forms.base import EditingForm, Given, attempt, succeeds
from web.pages.forms.pickers import RecordField
from web.pages.layout.listing import asked, csv_response, cursor, every_page, wants_csv
from workflows.commands.register import ChangeItem, NewItem
from workflows.core.actors import DESK
from workflows.register import change_item, create_item, get_item, list_items
from workflows.views.register import ItemView

EDITORS = DESK
NOBODYS = "none"

pages = Blueprint("items", __name__, url_prefix="/items")


class ItemForm(EditingForm):
    number = StringField("Number", description="The asset, serial or service number people quote.")
    name = StringField("Name")
    item_type = StringField(
        "Type", description="For example server, printer or service; contracts may exclude types."
    )
    owner = RecordField(
        "Owner",
        ["customer", "org_unit"],
        optional=True,
        placeholder="Name, mail or code",
        description="A person, or the department where no person fits.",
    )


@pages.get("")
def items() -> str | Response:
    filters = asked("q", "owner", "item_type", "order")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = every_page(lambda **at: list_items(tx, **filters, **at))
            table = [(one.number, one.name, one.item_type, one.owner_name) for one in rows]
            return csv_response("items", ["number", "name", "type", "owner"], table)
        page = list_items(tx, **filters, cursor=cursor())
        nobodys = list_items(tx, owner=NOBODYS, limit=1).items
    return render_template("register/items/index.html", page=page, filters=filters, has_nobodys=bool(nobodys))


@pages.get("/<item_id>")
def show(item_id: str) -> str:
    with desk().read(actor()) as tx:
        return render_template("register/items/show.html", item=get_item(tx, item_id))


@pages.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | Response:
    only(*EDITORS)
    form = ItemForm(data={"owner": request.args.get("owner", "")})
    if form.is_submitted() and not form.asks and form.validate():
        values = {
            "number": form.number.data,
            "name": form.name.data,
            "item_type": form.item_type.data,
            "owner": Given(form.owner.given),
        }
        command = form.command(NewItem, values)
        made = attempt(form, lambda tx: create_item(tx, command)) if command else None
        if made:
            flash(f"{form.name.data} is in the register.", "good")
            return redirect(url_for("items.show", item_id=made))
    return _draw(form, "New item", None)


@pages.route("/<item_id>/edit", methods=["GET", "POST"])
def edit(item_id: str) -> tuple[str, int] | Response:
    only(*EDITORS)
    with desk().read(actor()) as tx:
        item = get_item(tx, item_id)
    owner = f"{item.owner.kind}:{item.owner.id}" if item.owner else ""
    kept = {"number": item.number, "name": item.name, "item_type": item.item_type, "owner": owner}
    form = ItemForm(data={**kept, "seen": json.dumps(kept)})
    if form.is_submitted() and not form.asks and form.validate():
        values = form.changes(kept, {name: form[name].data for name in kept})
        if "owner" in values:
            values["owner"] = Given(form.owner.given)
        command = None if form.is_wrong else form.command(ChangeItem, values)
        if command and succeeds(form, lambda tx: change_item(tx, item_id, command)):
            flash("Saved.", "good")
            return redirect(url_for("items.show", item_id=item_id))
    return _draw(form, f"Edit {item.name}", item)


def _draw(form: ItemForm, title: str, item: ItemView | None) -> tuple[str, int]:
    with desk().read(actor()) as tx:
        form.look_up(tx)
    page = render_template("register/items/form.html", form=form, title=title, item=item)
    return page, 422 if form.is_wrong else 200
