"""`coverdesk rules replay`: tries an edited rule set on past service requests before it is published."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import click

from web.cli.desk import desk_of, environment, fail, operator, print_problems
from web.cli.progress import progress_bar
from web.cli.time_ranges import InstantOrDay, instant_of
from web.replay_table import replay_columns, replay_row
from workflows.core.csv_text import cell
from workflows.replay.run import load_for_replay
from workflows.replay.run import replay as run_replay
from workflows.rule_sets.folder import check_rules_folder
from workflows.views import MoneyView
from workflows.views.replays import DifferenceView, InvoiceChangeView, ResultView, SummaryView

MAX_MOVES_PRINTED = 20
MAX_INVOICES_PRINTED = 20
Write = Callable[[DifferenceView], None]


@click.command(
    epilog="Example: coverdesk rules replay --from 2026-03-01 --to 2026-04-01 rules --csv march.csv"
)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--from", "from_", type=InstantOrDay(), required=True, help="First date or instant (inclusive)."
)
@click.option("--to", type=InstantOrDay(), required=True, help="Last date or instant (exclusive).")
@click.option(
    "--csv",
    "file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write the differences to this file as CSV; - is standard output.",
)
def replay(folder: Path | None, from_: datetime | date, to: datetime | date, file: Path | None) -> None:
    """Replay the coverage decisions of a period with the rules of a folder.

    Prints one line for each decision that would differ, then the totals. Nothing is changed.
    """
    env = environment()
    folder = folder or env.rules_dir
    files, problems = check_rules_folder(folder)
    errors = [problem for problem in problems if problem.severity == "error"]
    print_problems(errors, str(folder), err=False)
    if errors:
        fail(f"{folder} has errors, so it cannot be replayed.")
    desk = desk_of(env)
    start, end = instant_of(desk, from_), instant_of(desk, to)
    with desk.read(operator()) as tx:
        rules = load_for_replay(tx, files, start, end)
    with _writer_to(file) as write, progress_bar("Decisions") as progress:
        summary = run_replay(desk, rules, start, end, write, actor=operator(), progress=progress)
    for line in _totals(summary):
        click.echo(line, err=True)


@contextmanager
def _writer_to(file: Path | None) -> Iterator[Write]:
    if file is None:
        yield lambda one: click.echo(_line(one))
        return
    try:
        with click.open_file(str(file), "w", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(replay_columns())
            yield lambda one: writer.writerow(replay_row(one))
    except OSError as error:
        fail(f"{file} cannot be written: {(error.strerror or type(error).__name__).lower()}.")


def _line(one: DifferenceView) -> str:
    request = one.number or "refused"
    line = f"{request}  {cell(one.decided_at)}  {_result(one.before)} -> {_result(one.after)}"
    if one.chargeable_before or one.chargeable_after:
        line += f"  {one.chargeable_before} min"
        if one.chargeable_after != one.chargeable_before:
            line += f" -> {one.chargeable_after} min"
    change = one.overage_after.amount_minor - one.overage_before.amount_minor
    if change:
        line += f"  overage {_money(change, one.overage_after)}"
    if one.price_before is not None and one.price_after is not None:
        dearer = one.price_after.amount_minor - one.price_before.amount_minor
        line += f"  price {_money(dearer, one.price_after)}" if dearer else ""
    return line


def _result(result: ResultView) -> str:
    name = result.contract_number or result.type
    return f"{result.outcome} {name}" if name else result.outcome


def _money(change_minor: int, like: MoneyView) -> str:
    return f"{change_minor:+,} {like.currency} (minor unit)"


def _totals(found: SummaryView) -> Iterator[str]:
    yield f"{found.decisions:,} decisions, {found.differ:,} would differ."
    if found.by_another_rule:
        yield f"{found.by_another_rule:,} have the same result by a different rule."
    if found.charged_otherwise:
        yield f"{found.charged_otherwise:,} differ only in chargeable minutes."
    for move in found.moves[:MAX_MOVES_PRINTED]:
        moved = f", {move.moved_minutes:,} min" if move.moved_minutes else ""
        yield f"  {move.decisions:,} from {_result(move.before)} to {_result(move.after)}{moved}"
    left_out = found.moves_left_out + len(found.moves[MAX_MOVES_PRINTED:])
    if left_out:
        yield f"  and {left_out:,} other changes"
    if found.worked_minutes:
        yield f"{found.moved_minutes:,} of {found.worked_minutes:,} worked minutes would move."
    for one in found.overage:
        yield f"Overage {one.before_minor:,} -> {one.after_minor:,} {one.currency} (minor unit)."
    for one in found.prices:
        yield f"Price of work {one.before_minor:,} -> {one.after_minor:,} {one.currency} (minor unit)."
    for invoice in found.invoices[:MAX_INVOICES_PRINTED]:
        yield (
            f"  {_invoice(invoice)}: {invoice.before_minor:,} -> {invoice.after_minor:,} "
            f"{invoice.currency} (minor unit)"
        )
    others = found.invoices_left_out + len(found.invoices[MAX_INVOICES_PRINTED:])
    if others:
        yield f"  and {others:,} other invoices"


def _invoice(one: InvoiceChangeView) -> str:
    if one.invoice is None:
        return "not invoiced yet"
    return f"invoice {one.number}" if one.number is not None else f"draft {one.invoice}"
