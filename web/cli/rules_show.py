"""`coverdesk rules show`: prints a rule set as files or as the Python code compiled from it."""

from collections.abc import Mapping
from pathlib import Path

import click

from engine.rulebook import compiled_source, load_rule_set
from web.cli.desk import desk_of, environment, operator
from workflows.rule_sets import publishing
from workflows.rule_sets.folder import read_rules_folder


@click.command(epilog="Example: coverdesk rules show --compiled")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--version", "version", metavar="VERSION", help="A published version or a unique prefix of it.")
@click.option("--compiled", is_flag=True, help="Print the Python code that the rules are compiled to.")
def show(folder: Path | None, version: str | None, compiled: bool) -> None:
    """Print the rule set in force, an earlier one, or that of a folder (which needs no database)."""
    if folder is not None and version is not None:
        raise click.UsageError("Name a folder or a version, not both.")
    files = _files(folder, version)
    if compiled:
        click.echo(compiled_source(load_rule_set(files)), nl=False)
        return
    for path in sorted(files):
        click.echo(f"# {path}\n{files[path].rstrip()}\n")


def _files(folder: Path | None, version: str | None) -> Mapping[str, str]:
    if folder is not None:
        return read_rules_folder(folder)
    with desk_of(environment()).read(operator()) as tx:
        return publishing.files_of(tx, version) if version else tx.rules.files
