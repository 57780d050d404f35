"""`coverdesk rules show`: a rule set as files, printed or written, or as the code compiled from it."""

from collections.abc import Mapping
from pathlib import Path

import click

from engine.rulebook import compiled_source, load_rule_set
from web.cli.desk import desk_of, environment, operator
from workflows.rule_sets import publishing
from workflows.rule_sets.folder import read_rules_folder


@click.command(epilog="Example: coverdesk rules show --compiled")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--version", "version", metavar="VERSION", help="A published version, or its first 6 or more characters."
)
@click.option("--compiled", is_flag=True, help="Print the Python code that the rules are compiled to.")
@click.option(
    "--into",
    metavar="NEW",
    type=click.Path(path_type=Path),
    help="Write the files to this new or empty folder instead, to be edited and published.",
)
def show(folder: Path | None, version: str | None, compiled: bool, into: Path | None) -> None:
    """Print the rule set in force, an earlier one, or that of a folder (which needs no database)."""
    if compiled and into is not None:
        raise click.UsageError("Name --compiled or --into, not both.")
    if folder is not None and version is not None:
        raise click.UsageError("Name a folder or a version, not both.")
    files = _files(folder, version)
    if compiled:
        click.echo(compiled_source(load_rule_set(files)), nl=False)
        return
    if into is not None:
        _write(files, into)
        click.echo(f"{len(files)} files written to {into}.")
        return
    for path in sorted(files):
        click.echo(f"# {path}\n{files[path].rstrip()}\n")


def _files(folder: Path | None, version: str | None) -> Mapping[str, str]:
    if folder is not None:
        return read_rules_folder(folder)
    with desk_of(environment()).read(operator()) as tx:
        return publishing.files_of(tx, version) if version else tx.rules.files


def _write(files: Mapping[str, str], into: Path) -> None:
    """Write the files; nothing that is there already is touched. Raises: click.ClickException."""
    try:
        into.mkdir(parents=True, exist_ok=True)
        if any(into.iterdir()):
            raise click.ClickException(f"{into} is not empty. Name a new folder.")
        for path, text in files.items():
            (into / path).parent.mkdir(exist_ok=True)
            (into / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"{into} cannot be written: {error.strerror}. Name another folder."
        ) from error
