"""`coverdesk user` and `coverdesk token`."""

import sys

import click

from engine.roles import USER_ROLES
from web.cli.desk import desk_of, environment, fail, operator
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.languages.texts import LANGUAGES
from workflows.users import accounts, password_links, sessions, tokens
from workflows.users.accounts import ChangeUser, NewUser
from workflows.users.tokens import NewToken
from workflows.views.users import CreatedLink, UserView

PAGE_SIZE = 200

password_from_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)
revoke_tokens = click.option("--revoke-tokens", is_flag=True, help="Also revoke every API token of the user.")


@click.group(epilog="Example: coverdesk user list")
def user() -> None:
    """Users and their passwords."""


@user.command(epilog="Example: coverdesk user add sue@example.com --role supervisor --name Sue")
@click.argument("email")
@click.option("--role", type=click.Choice(USER_ROLES), required=True)
@click.option("--name", help="The display name.  [default: the email]")
@click.option(
    "--language", type=click.Choice(LANGUAGES), help="Of the pages.  [default: as the browser asks for it]"
)
@password_from_stdin
@click.option("--no-invitation", is_flag=True, help="Send no mail to a user without a password.")
def add(
    email: str, role: str, name: str | None, language: str | None, password_stdin: bool, no_invitation: bool
) -> None:
    """Add a user.

    A password has 12 or more characters and is not a commonly used one. Without a terminal and without
    --password-stdin, the user has no password and gets an invitation by mail to choose one. The role customer
    links to the customer with the same email.
    """
    given = {
        "email": email,
        "role": role,
        "name": name,
        "language": language,
        "password": _password(password_stdin),
    }
    values = {key: value for key, value in given.items() if value is not None}
    command = NewUser.model_validate({**values, "invite": not no_invitation})
    desk = desk_of(environment())
    desk.perform(operator(), lambda tx: accounts.create_user(tx, command))
    without = "" if command.password else f" {_without_password(desk, command)}"
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
@revoke_tokens
def password(email: str, password_stdin: bool, revoke_tokens: bool) -> None:
    """Set a user's password. Ends the user's sessions."""
    _change(email, ChangeUser(password=_password(password_stdin) or "", revoke_api_access=revoke_tokens))
    click.echo(f"{email} has a new password.", err=True)


@user.command("sign-out", epilog="Example: coverdesk user sign-out sue@example.com --revoke-tokens")
@click.argument("email")
@revoke_tokens
def sign_out(email: str, revoke_tokens: bool) -> None:
    """End every session of a user."""

    def use_case(tx: Transaction) -> None:
        found = accounts.user_by_email(tx, email)
        sessions.sign_out_user(tx, found.id, tokens=revoke_tokens)

    desk_of(environment()).perform(operator(), use_case)
    click.echo(f"{email} is signed out.", err=True)


@user.command(epilog="Example: coverdesk user invite sue@example.com --print")
@click.argument("email")
@click.option("--print", "prints", is_flag=True, help="Print the link instead of sending it by mail.")
def invite(email: str, prints: bool) -> None:
    """Send a user a link to set a password.

    It works once, and expires after an hour, or after 7 days if the user has no password yet. With --print,
    it is alone on its line and shown only once.
    """
    env = environment()

    def show(tx: Transaction) -> CreatedLink:
        return password_links.show_link(tx, accounts.user_by_email(tx, email).id, env.base_url)

    def send(tx: Transaction) -> None:
        password_links.send_link(tx, accounts.user_by_email(tx, email).id)

    desk = desk_of(env)
    if prints:
        click.echo(desk.perform(operator(), show).url)
        return
    if env.smtp_url is None:
        fail("There is no mail server (COVERDESK_SMTP_URL). Print the link with --print.")
    desk.perform(operator(), send)
    click.echo(f"The link for {email} is queued.", err=True)


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
    made = desk_of(environment()).perform(operator(), lambda tx: tokens.create_token(tx, command))
    click.echo(made.text)


def _change(email: str, command: ChangeUser) -> None:
    def use_case(tx: Transaction) -> UserView:
        found = accounts.user_by_email(tx, email)
        accounts.change_user(tx, found.id, command)
        return found

    desk_of(environment()).perform(operator(), use_case)


def _without_password(desk: Desk, command: NewUser) -> str:
    if not command.invite:
        return "No password was set: this user can only use API tokens."
    if desk.smtp_url is not None:
        return "An invitation is sent by mail."
    return (
        "There is no mail server: print a link to choose a password with"
        f" coverdesk user invite --print {command.email.lower()}"
    )


def _password(from_stdin: bool) -> str | None:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        return None
    given: str = click.prompt("Password (12 characters or more)", hide_input=True, confirmation_prompt=True)
    return given
