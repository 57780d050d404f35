"""`coverdesk user` and `coverdesk token`."""

import sys

import click

from engine.roles import USER_ROLES
from web.cli.desk import desk_of, environment, operator
from workflows.core.transaction import Transaction
from workflows.users import accounts
from workflows.users.accounts import ChangeUser, NewToken, NewUser
from workflows.views.users import UserView

PAGE_SIZE = 200

password_from_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


@click.group(epilog="Example: coverdesk user list")
def user() -> None:
    """Users and their passwords."""


@user.command(epilog="Example: coverdesk user add sue@example.com --role supervisor --name Sue")
@click.argument("email")
@click.option("--role", type=click.Choice(USER_ROLES), required=True)
@click.option("--name", help="The display name.  [default: the email]")
@password_from_stdin
def add(email: str, role: str, name: str | None, password_stdin: bool) -> None:
    """Add a user.

    A password has 12 or more characters. Without a terminal and without --password-stdin, the user has no
    password and can only use API tokens. The role customer links to the customer with the same email.
    """
    given = {"email": email, "role": role, "name": name, "password": _password(password_stdin)}
    command = NewUser.model_validate({key: value for key, value in given.items() if value is not None})
    desk_of(environment()).perform(operator(), lambda tx: accounts.create_user(tx, command))
    without = "" if command.password else " No password was set: this user can only use API tokens."
    click.echo(f"{command.email.lower()} was added as {role}.{without}", err=True)


@user.command("list", epilog="Example: coverdesk user list")
def list_users() -> None:
    """List all users: email, role, name, and whether disabled."""
    desk, cursor = desk_of(environment()), None
    while True:
        with desk.read(operator()) as tx:
            page = accounts.list_users(tx, limit=PAGE_SIZE, cursor=cursor)
        for one in page.items:
            disabled = "  (disabled)" if one.disabled_at else ""
            click.echo(f"{one.email:<40}  {one.role:<13}  {one.name}{disabled}")
        cursor = page.next_cursor
        if cursor is None:
            return


@user.command(epilog="Example: coverdesk user disable sue@example.com")
@click.argument("email")
def disable(email: str) -> None:
    """Disable a user: sessions end, and tokens stop working."""
    _change(email, ChangeUser(disabled=True))
    click.echo(f"{email} is disabled.", err=True)


@user.command(epilog="Example: coverdesk user enable sue@example.com")
@click.argument("email")
def enable(email: str) -> None:
    """Enable a disabled user again."""
    _change(email, ChangeUser(disabled=False))
    click.echo(f"{email} is enabled.", err=True)


@user.command(epilog="Example: coverdesk user password sue@example.com --password-stdin < secret")
@click.argument("email")
@password_from_stdin
def password(email: str, password_stdin: bool) -> None:
    """Set a user's password. Ends the user's sessions."""
    _change(email, ChangeUser(password=_password(password_stdin) or ""))
    click.echo(f"{email} has a new password.", err=True)


@click.group(epilog="Example: coverdesk token create sue@example.com")
def token() -> None:
    """API tokens."""


@token.command(epilog="Example: TOKEN=$(coverdesk token create sue@example.com --name reports)")
@click.argument("email")
@click.option("--name", default="API", show_default=True, help="What the token is for.")
@click.option("--expires-days", type=click.IntRange(1, 3650), help="Days until it expires.  [default: never]")
def create(email: str, name: str, expires_days: int | None) -> None:
    """Create an API token and print it, alone on its line. It is shown only once."""
    command = NewToken(email=email, name=name, expires_days=expires_days)
    made = desk_of(environment()).perform(operator(), lambda tx: accounts.create_token(tx, command))
    click.echo(made.text)


def _change(email: str, command: ChangeUser) -> None:
    def use_case(tx: Transaction) -> UserView:
        found = accounts.user_by_email(tx, email)
        accounts.change_user(tx, found.id, command)
        return found

    desk_of(environment()).perform(operator(), use_case)


def _password(from_stdin: bool) -> str | None:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        return None
    given: str = click.prompt("Password (12 characters or more)", hide_input=True, confirmation_prompt=True)
    return given
