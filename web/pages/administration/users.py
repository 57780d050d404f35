"""User management, for administrators."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, EmailField, PasswordField, RadioField, StringField
from wtforms.validators import InputRequired

from web.pages.context import actor, desk, require_role
from web.pages.forms.base import ActionForm, DeskForm, KeyedForm, attempt, attempt_once, succeeds
from web.pages.forms.fields import select_options
from web.pages.layout.list_links import keep_list
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.labels import ROLES
from workflows.users.accounts import (
    ChangeUser,
    NewUser,
    change_user,
    create_user,
    get_user,
    list_tokens,
    list_users,
    revoke_token,
)
from workflows.views.users import UserView

ROLE_DESCRIPTIONS = {
    "technician": "Logs and works on service requests; sees coverage and balances, but no prices.",
    "supervisor": "Technician rights, plus all contracts: create, enable, reassign.",
    "finance": "Contracts, grants, payments and statements.",
    "administrator": "Everything except recording payments: settings, rules, users.",
    "customer": "Own requests and contracts. A customer with this email must exist in the directory.",
}
ROLE_CHOICES = [(role, ROLES[role]) for role in ROLE_DESCRIPTIONS]

pages = Blueprint("users", __name__, url_prefix="/users")
keep_list(pages, "user_id")


class NewUserForm(KeyedForm):
    name = StringField("Name")
    email = EmailField("Email", [InputRequired("This field is required.")], description="Used to sign in.")
    role = RadioField("Role", [InputRequired("Select an option.")], choices=select_options(ROLE_CHOICES))
    password = PasswordField(
        "Initial password", description="At least 12 characters. It can be changed on the account page."
    )


class UserForm(DeskForm):
    name = StringField("Name", [InputRequired("This field is required.")])
    role = RadioField("Role", choices=select_options(ROLE_CHOICES))
    password = PasswordField("New password", description="Leave empty to keep the current password.")
    disabled = BooleanField(
        "Disabled", description="Cannot sign in, and API tokens stop working. Records are not deleted."
    )


@pages.get("")
def users() -> str | Response:
    filters: dict[str, Any] = query_filters("q", "role", "order")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_users(tx, **filters, **at))
            table = [(one.name, one.email, one.role, one.disabled_at is None, one.created_at) for one in rows]
            return csv_response("users", ["name", "email", "role", "enabled", "created_at"], table)
        page = list_users(tx, **filters, **counted_page())
    return render_template("administration/users/index.html", page=page, filters=filters, roles=ROLE_CHOICES)


@pages.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | Response:
    require_role("administrator")
    form = NewUserForm()
    if form.is_submitted():
        values = {name: form[name].data for name in ("name", "email", "role", "password")}
        command = form.checked_command(NewUser, values)
        if command and attempt_once(form, lambda tx: create_user(tx, command), command):
            flash(f"{command.email} can now sign in.", "success")
            return redirect(url_for("users.users"))
    return render_template(
        "administration/users/new.html", form=form, role_descriptions=ROLE_DESCRIPTIONS
    ), 422 if form.has_errors else 200


@pages.route("/<user_id>", methods=["GET", "POST"])
def edit(user_id: str) -> tuple[str, int] | Response:
    with desk().read(actor()) as tx:
        user = get_user(tx, user_id)
        tokens = list_tokens(tx, user_id)
    form = UserForm(data={"name": user.name, "role": user.role, "disabled": user.disabled_at is not None})
    if form.validate_on_submit():
        command = form.command(ChangeUser, _changes(form, user))
        if command and succeeds(form, lambda tx: change_user(tx, user_id, command)):
            flash("Saved.", "success")
            return redirect(url_for("users.users"))
    page = render_template(
        "administration/users/edit.html",
        form=form,
        user=user,
        tokens=tokens,
        action_form=ActionForm(formdata=None),
        role_descriptions=ROLE_DESCRIPTIONS,
    )
    return page, 422 if form.has_errors else 200


@pages.post("/<user_id>/tokens/<token_id>/revoke")
def revoke(user_id: str, token_id: str) -> Response:
    require_role("administrator")
    form = ActionForm()
    if form.validate_on_submit():
        attempt(form, lambda tx: revoke_token(tx, token_id))
        flash("The token has been revoked.", "success")
    return redirect(url_for("users.edit", user_id=user_id))


def _changes(form: UserForm, user: UserView) -> dict[str, Any]:
    """Only the changed fields: a changed password or role ends the user's sessions."""
    changes: dict[str, Any] = {}
    if form.name.data != user.name:
        changes["name"] = form.name.data
    if form.role.data != user.role:
        changes["role"] = form.role.data
    if bool(form.disabled.data) != (user.disabled_at is not None):
        changes["disabled"] = bool(form.disabled.data)
    if form.password.data:
        changes["password"] = form.password.data
    return changes
