"""Rule files: check, publish, compare, look back."""

import sys
from pathlib import Path

import click

from web.cli.desk import desk_of, environment, fail, operator, tell_problems
from workflows import rule_sets
from workflows.rules_folder import check_rules_folder

folder_argument = click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
SHORT = 12


@click.group()
def rules() -> None:
    """The rule files. DIR is COVERDESK_RULES_DIR where it is left out."""


@rules.command(epilog="Example: coverdesk rules check rules")
@folder_argument
def check(folder: Path | None) -> None:
    """Check a folder of rule files without publishing it. Needs no database."""
    folder = folder or environment().rules_dir
    _, problems = check_rules_folder(folder)
    tell_problems(problems, str(folder), err=False)
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        fail(f"{folder} has {errors} error{'s' if errors > 1 else ''}.")
    click.echo(f"{folder} is good.", err=True)


@rules.command(epilog="Example: coverdesk rules publish --note 'Night calls are excluded'")
@folder_argument
@click.option("--note", required=True, help="What is new, for the history.")
def publish(folder: Path | None, note: str) -> None:
    """Check a folder of rule files and put it in force; prints the version."""
    env = environment()
    files = _good_files(folder or env.rules_dir)
    version = desk_of(env).perform(operator(), lambda tx: rule_sets.publish_rule_set(tx, files, note))
    click.echo(version)


@rules.command(epilog="Example: coverdesk rules diff rules")
@folder_argument
def diff(folder: Path | None) -> None:
    """Show how a folder differs from the rule set in force."""
    env = environment()
    folder = folder or env.rules_dir
    files, problems = check_rules_folder(folder)
    desk = desk_of(env)
    with desk.read(operator()) as tx:
        in_force = rule_sets.rule_set_in_force(tx)
    for line in rule_sets.difference(in_force.files, files):
        click.echo(line)
    tell_problems([problem for problem in problems if problem.severity == "error"], str(folder))


@rules.command(epilog="Example: coverdesk rules history")
def history() -> None:
    """List what was published when, by whom and why, the newest first; * is in force."""
    desk, cursor, newest = desk_of(environment()), None, True
    while True:
        with desk.read(operator()) as tx:
            page = rule_sets.list_publications(tx, cursor=cursor)
        for one in page.items:
            mark = "*" if newest else " "
            newest = False
            at = one.published_at.isoformat(timespec="seconds").replace("+00:00", "Z")
            click.echo(f"{mark} {one.version[:SHORT]}  {at}  {one.published_by}  {one.note}".rstrip())
        cursor = page.next_cursor
        if cursor is None:
            return


@rules.command(epilog="Example: coverdesk rules rollback 3f0c9a51b2aa --note 'The new ranks were wrong'")
@click.argument("version")
@click.option("--note", default="", help="Why, for the history.")
def rollback(version: str, note: str) -> None:
    """Publish an old version again; its beginning is enough. Prints the whole version."""
    desk = desk_of(environment())
    click.echo(desk.perform(operator(), lambda tx: rule_sets.roll_back_rule_set(tx, version, note)))


def _good_files(folder: Path) -> dict[str, str]:
    files, problems = check_rules_folder(folder)
    tell_problems(problems, str(folder))
    if any(problem.severity == "error" for problem in problems):
        click.echo("Error: the folder is not good; nothing has been published.", err=True)
        sys.exit(1)
    return files
