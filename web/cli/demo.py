"""`coverdesk demo`: loads or resets the demonstration desk."""

from collections.abc import Iterable

import click

from web.cli.desk import desk_of, environment, fail, print_problems
from web.environment import Environment
from workflows.core.desk import Desk
from workflows.demo import DEMO_PASSWORD, LOGINS, DemoLogin, can_load_demo, is_demo, load_demo, reset_demo
from workflows.rule_sets.folder import check_rules_folder
from workflows.rule_sets.publishing import publish_first


@click.group(epilog="Example: coverdesk demo load")
def demo() -> None:
    """Demonstration data: four companies, contracts of every type, two months of service requests."""


@demo.command(epilog="Example: coverdesk demo load")
def load() -> None:
    """Load the demonstration into an empty database and print its logins."""
    env = environment()
    desk = desk_of(env)
    if desk.refresh().version is None:
        publish_first(desk, _checked_rules(env))
    _print_logins(load_demo(desk))


@demo.command(epilog="Example: coverdesk demo reset")
def reset() -> None:
    """Empty a demonstration desk and load it again with the rules folder. Any other desk is refused."""
    env = environment()
    _print_logins(reset_demo(desk_of(env), _checked_rules(env)))


def load_on_first_start(desk: Desk) -> None:
    """Load the demonstration into an empty desk; on a demonstration desk, print its logins again.

    Any other desk is left unchanged.
    """
    if is_demo(desk):
        _print_logins(LOGINS, err=True)
    elif can_load_demo(desk):
        click.echo("Loading the demonstration ...", err=True)
        _print_logins(load_demo(desk), err=True)


def _checked_rules(env: Environment) -> dict[str, str]:
    files, problems = check_rules_folder(env.rules_dir)
    print_problems(problems, str(env.rules_dir))
    if any(problem.severity == "error" for problem in problems):
        fail("The rules folder has errors; nothing was loaded.")
    return files


def _print_logins(logins: Iterable[DemoLogin], *, err: bool = False) -> None:
    click.echo("Sign in as", err=err)
    for one in logins:
        click.echo(f"  {one.role:<14} {one.email}", err=err)
    click.echo(f"  each with the password {DEMO_PASSWORD}", err=err)
