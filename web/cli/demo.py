"""The demonstration desk: load it, or set it back to its beginning."""

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
    """A desk to look at: four companies, contracts of every type, two months of service requests."""


@demo.command(epilog="Example: coverdesk demo load")
def load() -> None:
    """Build the demonstration in an empty database, and print its logins."""
    env = environment()
    desk = desk_of(env)
    if desk.refresh().version is None:
        publish_first(desk, _good_rules(env))
    _tell(load_demo(desk))


@demo.command(epilog="Example: coverdesk demo reset")
def reset() -> None:
    """Empty a demonstration desk and build it anew, by the rules folder. Another desk is left alone."""
    env = environment()
    _tell(reset_demo(desk_of(env), _good_rules(env)))


def load_on_first_start(desk: Desk) -> None:
    """Build the demonstration where nobody has worked yet; on a demonstration desk, tell its logins again.

    Any other desk is served as it is.
    """
    if is_demo(desk):
        _tell(LOGINS, err=True)
    elif can_load_demo(desk):
        click.echo("Loading the demonstration ...", err=True)
        _tell(load_demo(desk), err=True)


def _good_rules(env: Environment) -> dict[str, str]:
    files, problems = check_rules_folder(env.rules_dir)
    print_problems(problems, str(env.rules_dir))
    if any(problem.severity == "error" for problem in problems):
        fail("The rules folder is not good; nothing has been loaded.")
    return files


def _tell(logins: Iterable[DemoLogin], *, err: bool = False) -> None:
    click.echo("Log in as", err=err)
    for one in logins:
        click.echo(f"  {one.role:<14} {one.email}", err=err)
    click.echo(f"  each with the password {DEMO_PASSWORD}", err=err)
