"""`coverdesk rules`: checks, publishes and compares rule sets."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from engine.rulebook import Problem, version_of
from web.cli.desk import desk_of, environment, fail, operator, print_problems
from web.cli.rules_replay import replay
from web.cli.rules_show import show
from workflows.core.desk import Desk
from workflows.rule_sets import publishing
from workflows.rule_sets.folder import check_rules_folder
from workflows.rule_sets.folder_watch import mark_as_published
from workflows.rule_sets.proposals import Submitted, submit_rollback, submit_rule_set

folder_argument = click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
SHORT_VERSION_LENGTH = 12


@click.group(epilog="Example: coverdesk rules check")
def rules() -> None:
    """Rule sets. DIR defaults to COVERDESK_RULES_DIR."""


rules.add_command(show)
rules.add_command(replay)


@rules.command(epilog="Example: coverdesk rules check rules --json")
@folder_argument
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object, with JSON pointers and severities."
)
def check(folder: Path | None, as_json: bool) -> None:
    """Check a folder of rule files without publishing it. Needs no database."""
    folder = folder or environment().rules_dir
    _, problems = check_rules_folder(folder)
    errors = sum(problem.severity == "error" for problem in problems)
    if as_json:
        report = {"ok": not errors, "problems": [asdict(problem) for problem in problems]}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
        sys.exit(1 if errors else 0)
    print_problems(problems, str(folder), err=False)
    warnings = len(problems) - errors
    counted = f"{warnings} warning{'' if warnings == 1 else 's'}"
    if errors:
        also = f" and {counted}" if warnings else ""
        fail(f"{folder} has {errors} error{'' if errors == 1 else 's'}{also}.")
    click.echo(f"{folder} has no errors{f' and {counted}' if warnings else ''}.", err=True)


@rules.command(epilog="Example: coverdesk rules publish --note 'Night calls are excluded'")
@folder_argument
@click.option("--note", required=True, help="What changed, for the history.")
@click.option("--based-on", help="The version that was edited; refused if another is in force by now.")
def publish(folder: Path | None, note: str, based_on: str | None) -> None:
    """Check a folder of rule files and put it in force. Prints the version.

    Files that are in force already are not published again.

    If publishing requires approval, the set is proposed, and an administrator approves it.
    """
    env = environment()
    folder = folder or env.rules_dir
    files = _checked_files(folder)
    desk = desk_of(env)
    base = _full_version(desk, based_on)
    submitted = desk.perform(
        operator(), lambda tx: submit_rule_set(tx, files, note, based_on=base), reads_first=True
    )
    if folder.resolve() == env.rules_dir.resolve():
        mark_as_published(desk, folder, files, proposal=submitted.proposal)
    _print_submitted(submitted)


@rules.command(epilog="Example: coverdesk rules diff rules")
@folder_argument
@click.option("--from", "from_", metavar="VERSION", help="The older version.  [default: the one in force]")
@click.option("--to", metavar="VERSION", help="A version instead of a folder.")
def diff(folder: Path | None, from_: str | None, to: str | None) -> None:
    """Compare a folder or a version with the rule set in force or with another version."""
    if folder is not None and to is not None:
        raise click.UsageError("Name a folder or a version, not both.")
    env = environment()
    desk = desk_of(env)
    problems: list[Problem] = []
    with desk.read(operator()) as tx:
        old = publishing.files_of(tx, from_) if from_ else publishing.rule_set_in_force(tx).files
        if to is not None:
            files = publishing.files_of(tx, to)
        else:
            files, problems = check_rules_folder(folder or env.rules_dir)
    names = {"old_name": from_ or "in force", "new_name": to or "new"}
    for line in publishing.difference(old, files, **names):
        click.echo(line)
    print_problems([one for one in problems if one.severity == "error"], str(folder or env.rules_dir))


@rules.command(epilog="Example: coverdesk rules history")
def history() -> None:
    """List what was published when, by whom and why, newest first. * marks the one in force."""
    desk, cursor, newest = desk_of(environment()), None, True
    while True:
        with desk.read(operator()) as tx:
            page = publishing.list_publications(tx, cursor=cursor)
        for one in page.items:
            mark = "*" if newest else " "
            newest = False
            at = one.published_at.isoformat(timespec="seconds").replace("+00:00", "Z")
            who = (
                f"{one.published_by}, approved by {one.approved_by}" if one.approved_by else one.published_by
            )
            click.echo(f"{mark} {one.version[:SHORT_VERSION_LENGTH]}  {at}  {who}  {one.note}".rstrip())
        cursor = page.next_cursor
        if cursor is None:
            return


@rules.command(epilog="Example: coverdesk rules rollback 3f0c9a51b2aa --note 'The new ranks were wrong'")
@click.argument("version")
@click.option("--note", default="", help="The reason, for the history.")
def rollback(version: str, note: str) -> None:
    """Publish an earlier version again; 6 or more characters are enough. Prints the full version."""
    submitted = desk_of(environment()).perform(
        operator(), lambda tx: submit_rollback(tx, version, note), reads_first=True
    )
    _print_submitted(submitted)


def _print_submitted(submitted: Submitted) -> None:
    click.echo(submitted.version)
    if submitted.unchanged:
        click.echo("Unchanged: this rule set is already in force.", err=True)
    if submitted.moved_targets:
        verb = "would move" if submitted.proposal is not None else "moved"
        some = "target" if submitted.moved_targets == 1 else "targets"
        click.echo(f"{submitted.moved_targets} open service level {some} {verb}.", err=True)
    if submitted.proposal is not None:
        click.echo("Proposed. It comes into force when an administrator approves it.", err=True)


def _full_version(desk: Desk, version: str | None) -> str | None:
    if version is None:
        return None
    with desk.read(operator()) as tx:
        return version_of(publishing.files_of(tx, version))


def _checked_files(folder: Path) -> dict[str, str]:
    files, problems = check_rules_folder(folder)
    print_problems(problems, str(folder))
    if any(problem.severity == "error" for problem in problems):
        fail(f"{folder} has errors; nothing was published.")
    return files
