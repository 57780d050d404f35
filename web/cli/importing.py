"""`coverdesk import`: imports another desk's history from its CSV export."""

from pathlib import Path

import click

from web.cli.desk import desk_of, environment, fail, print_problems
from web.cli.progress import progress_bar
from workflows.importing.history_import import import_history
from workflows.importing.mapping import MappingRefused, read_mapping
from workflows.importing.report import ImportReport

path = click.Path(path_type=Path)


@click.command("import", epilog="Example: coverdesk import incidents.csv --mapping mappings/servicenow.json")
@click.argument("file", type=path)
@click.option(
    "--mapping", "mapping_path", required=True, type=path, help="How to read the file; see mappings/."
)
@click.option("--dry-run", is_flag=True, help="Report what would be imported; write nothing.")
def import_export(file: Path, mapping_path: Path, dry_run: bool) -> None:
    """Import service requests from another desk's CSV export, at the times given there.

    Prints one line for each skipped row with the reason, then the totals. A second run adds nothing; a run
    that was interrupted can be continued. Exits 1 if the file or the mapping cannot be read.
    """
    env = environment()
    try:
        mapping = read_mapping(str(mapping_path), _content(mapping_path))
    except MappingRefused as refused:
        print_problems(list(refused.problems))
        fail("The mapping cannot be used; nothing was imported.")
    raw = _content(file)
    desk = desk_of(env)
    report = ImportReport(mapping.source, dry_run)
    try:
        with progress_bar("Service requests") as progress:
            import_history(desk, str(file), raw, mapping, dry_run=dry_run, progress=progress, report=report)
    except BaseException:
        # What was imported before the interruption is committed, so report it.
        if report.rows_imported:
            _print_report(report)
        raise
    _print_report(report)


def _print_report(report: ImportReport) -> None:
    for line in (*report.lines(), *report.summary()):
        click.echo(line)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file}:1: it cannot be read: {(error.strerror or type(error).__name__).lower()}.")
