"""What the commands share: the environment, the desk, and error messages."""

import getpass
import sys
from typing import NoReturn

import click
from pydantic import ValidationError

from engine.errors import DeskError
from engine.rulebook import Problem, RuleSetRefused
from web.environment import Environment
from web.logs import set_up_logs
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.payment_provider import PaymentProvider
from workflows.notifications.webhooks.addresses import read_hosts
from workflows.operations.deployment import is_database_failure, missing_migration, open_desk


def explain(error: Exception) -> None:
    """Print an expected error as one message and exit 1. Returns for any other error."""
    if isinstance(error, RuleSetRefused):
        print_problems(list(error.problems))
        fail("The rule set was refused; nothing was changed.")
    if isinstance(error, DeskError):
        fail(str(error))
    if isinstance(error, ValidationError):
        fail("\n".join(f"{one['pointer'].lstrip('/')}: {one['detail']}" for one in _field_errors(error)))
    if is_database_failure(error):
        fail(f"The database cannot be used: {str(error).partition(chr(10))[0]}")


def _field_errors(error: ValidationError) -> list[dict[str, str]]:
    # only now: the texts of errors come with Flask, which takes a tenth of an import's start
    from web.field_errors import field_errors

    return field_errors(error)


def fail(message: str) -> NoReturn:
    """Print an error message and exit 1."""
    click.echo(f"Error: {message}", err=True)
    sys.exit(1)


def environment() -> Environment:
    """Read and validate the environment and set up logging. Exits 1 if a variable is invalid."""
    try:
        found = Environment()
    except ValidationError as error:
        for one in _field_errors(error):
            click.echo(f"Error: COVERDESK_{one['pointer'].strip('/').upper()}: {one['detail']}", err=True)
        sys.exit(1)
    set_up_logs(found.log_format)
    return found


def desk_of(env: Environment) -> Desk:
    """Open the desk. Exits 1 if the schema of its database is not the one this program needs."""
    desk = open_desk(
        env.database_url,
        sandbox=env.sandbox,
        smtp_url=env.smtp_url,
        rules_folder=env.rules_dir,
        base_url=env.base_url,
        session_limits=env.session_limits,
        webhook_hosts=read_hosts(env.webhook_hosts),
        payments=_payments(env),
    )
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(desk.database.dispose)
    lack = missing_migration(desk)
    if lack is not None:
        fail(lack)
    return desk


def _payments(env: Environment) -> PaymentProvider | None:
    """The provider of online payments, if one is set up."""
    if env.stripe_secret_key is None or env.stripe_webhook_secret is None:
        return None
    # imported here, as it takes more than a second that no other deployment has to wait
    from workflows.billing.payments.payment_links.stripe_checkout import StripeCheckout

    return StripeCheckout(env.stripe_secret_key, env.stripe_webhook_secret, env.stripe_api_base)


def operator() -> Actor:
    """Return the actor of the command line: allowed to do everything, and named in every audit trail."""
    try:
        return Actor(None, f"{getpass.getuser()} (command line)", "system")
    except (KeyError, OSError):
        return Actor(None, "command line", "system")


def print_problems(problems: list[Problem], folder: str | None = None, *, err: bool = True) -> None:
    """Print one problem per line as compilers do: file:line:column: message."""
    for problem in problems:
        place = f"{folder.rstrip('/')}/{problem.file}" if folder and problem.file != folder else problem.file
        note = "warning: " if problem.severity == "warning" else ""
        click.echo(f"{place}:{problem.line}:{problem.column}: {note}{problem.message}", err=err)
