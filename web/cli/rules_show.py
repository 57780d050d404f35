"""`coverdesk rules show`: what is in force, as files or as the code made of them."""

from collections.abc import Mapping
from pathlib import Path

import click

from engine.rulebook import compiled_source, load_rule_set
from web.cli.desk import desk_of, environment, operator
from workflows.rule_sets import publishing
from workflows.rule_sets.folder import read_rules_folder


@click.command(epilog="Example: coverdesk rules show --compiled")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--version", "version", metavar="VERSION", help="A version ever published, or its beginning.")
@click.option("--compiled", is_flag=True, help="The Python that the rules are made into when loaded.")
def show(folder: Path | None, version: str | None, compiled: bool) -> None:
    """Print the rule set in force, one that was, or that of a folder (which needs no database)."""
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
