"""Replays of past requests with other rules: start, progress, results and CSV."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, url_for
from flask import request as flask_request
from werkzeug.wrappers import Response as Answer
from wtforms import SelectField
from wtforms.validators import InputRequired

from engine.errors import DeskError
from engine.periods import contract_end, first_instant_of
from engine.rulebook import RuleSetRefused
from web.environment import Environment
from web.languages import Texts, gettext, lazy_text, mark
from web.pages.context import actor, desk, now, require_role, zone
from web.pages.forms.base import ActionForm, DeskForm, attempt_once
from web.pages.forms.fields import DayField, select_options
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.formats import day_text, money_text
from web.pages.wording.replay import (
    InvoiceLine,
    Move,
    Side,
    describe_replay,
    invoice_line,
    replay_line,
    side_of,
)
from web.replay_table import replay_columns, replay_row
from workflows.contracts.names import contract_names
from workflows.core.errors import NotAllowed, NotFound, OutcomeUnknown
from workflows.core.transaction import Transaction
from workflows.replay.rule_set_choices import RuleChoice, files_of_choice, rule_choices
from workflows.replay.use_cases import (
    cancel_replay,
    list_differences,
    list_replays,
    read_replay,
    start_replay,
)
from workflows.rule_sets.folder import check_rules_folder
from workflows.rule_sets.publishing import check_view, get_rule_set
from workflows.views import MOST_LIMIT
from workflows.views.replays import DifferenceView, MoveView, ReplayView
from workflows.views.rules import CheckView, RuleSetView

FOLDER = "folder"
KINDS = Texts({"in_force": mark("In force"), "proposed": mark("Proposed"), "earlier": mark("Earlier")})
CHANGES = Texts(
    {
        "outcome": mark("Coverage outcome"),
        "contract": mark("Different contract"),
        "terms": mark("Different terms or message"),
        "charge": mark("Different charges"),
    }
)

pages = Blueprint("replays", __name__, url_prefix="/rules/replays")


class ReplayForm(DeskForm):
    pointer_fields = {"/from": "from_on", "/to": "to_on", "/files": "rules"}  # noqa: RUF012

    rules = SelectField(lazy_text("Rule set"), validate_choice=False)
    from_on = DayField(lazy_text("From"), [InputRequired(lazy_text("Enter the first day."))])
    to_on = DayField(lazy_text("To (inclusive)"), [InputRequired(lazy_text("Enter the last day."))])


@dataclass(frozen=True, slots=True)
class Line:
    """A difference as a row of the list."""

    difference: DifferenceView
    before: Side
    after: Side
    overage: str
    invoices: list[InvoiceLine]


@dataclass(frozen=True, slots=True)
class ReplaySpan:
    """The period of a replay, as form values."""

    from_on: date
    to_on: date


@pages.get("")
def replays() -> str | Response:
    require_role("administrator")
    if wants_csv():
        return _replays_csv()
    chosen = query_filters("rules")
    first, last = _last_month()
    form = ReplayForm(
        formdata=None,
        data={
            "rules": chosen.get("rules", FOLDER),
            "from_on": _day(flask_request.args.get("from_on")) or first,
            "to_on": _day(flask_request.args.get("to_on")) or last,
        },
    )
    return _list_page(form)


@pages.post("")
def start() -> tuple[str, int] | Answer:
    require_role("administrator")
    form = ReplayForm()
    problems: CheckView | None = None
    if form.validate_on_submit():
        try:
            return redirect(url_for("replays.show", replay_id=_start(form)))
        except RuleSetRefused as refused:
            problems = check_view(list(refused.problems))
        except (NotFound, NotAllowed, OutcomeUnknown):
            raise
        except DeskError as error:
            form.add_error(str(error.values.get("pointer", "")), str(error))
    return _list_page(form, problems), 422


@pages.get("/<replay_id>")
def show(replay_id: str) -> str | Response:
    filters = query_filters("change", "q", "move")
    with desk().read(actor()) as tx:
        replay = read_replay(tx, replay_id)
    if wants_csv() and replay.state == "done":
        return _csv(replay, filters)
    return _page(replay, filters, ActionForm(formdata=None))


@pages.get("/<replay_id>/summary")
def summary(replay_id: str) -> str:
    """The summary as a fragment, polled while the replay runs."""
    with desk().read(actor()) as tx:
        description = describe_replay(tx, read_replay(tx, replay_id))
    return render_template("rules/replay_summary.html", description=description)


@pages.post("/<replay_id>/cancel")
def cancel(replay_id: str) -> tuple[str, int] | Answer:
    form = ActionForm()
    if form.validate_on_submit() and attempt_once(form, lambda tx: _cancel(tx, replay_id)):
        flash(gettext("The replay has been stopped."), "warning")
        return redirect(url_for("replays.show", replay_id=replay_id))
    with desk().read(actor()) as tx:
        replay = read_replay(tx, replay_id)
    return _page(replay, {}, form), 422


def _replays_csv() -> Response:
    with desk().read(actor()) as tx:
        rows = [
            (
                one.asked_at.isoformat(),
                one.asked_by,
                one.version,
                one.from_at.isoformat(),
                one.to_at.isoformat(),
                one.state,
            )
            for one in all_rows(lambda **at: list_replays(tx, **at))
        ]
    return csv_response(
        "replays", ["started_at", "started_by", "rule_set", "from_at", "to_at", "state"], rows
    )


# ------------------------------------------------------------------ starting


def _start(form: ReplayForm) -> str:
    """Start a replay; returns its id. Raises: RuleSetRefused; DeskError."""
    value = str(form.rules.data or FOLDER)
    if value == FOLDER:
        files, found = check_rules_folder(_folder())
        if any(problem.severity == "error" for problem in found):
            raise RuleSetRefused(tuple(found))
    else:
        with desk().read(actor()) as tx:
            files = files_of_choice(tx, value)
    span = first_instant_of(form.from_on.data, zone()), contract_end(form.to_on.data, zone())
    return start_replay(desk(), actor(), files, *span)[0]


def _list_page(form: ReplayForm, problems: CheckView | None = None) -> str:
    with desk().read(actor()) as tx:
        page = list_replays(tx, **counted_page())
        choices = rule_choices(tx)
        form.rules.choices = select_options([(FOLDER, "Rules folder of this server"), *map(_choice, choices)])
        published = {one.version for one in choices if one.kind != "proposed"}
        rows = [replay_line(one, published) for one in page.items]
    return render_template("rules/replays.html", page=page, rows=rows, form=form, problems=problems)


def _choice(one: RuleChoice) -> tuple[str, str]:
    day = day_text(one.at.astimezone(zone()).date())
    note = gettext(": ") + one.note[:60] if one.note else ""
    said = gettext(
        "%(kind)s, %(version)s, %(day)s by %(name)s",
        kind=KINDS[one.kind],
        version=one.version[:8],
        day=day,
        name=one.by,
    )
    return one.value, f"{said}{note}"


def _last_month() -> tuple[date, date]:
    last = now().astimezone(zone()).date().replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _folder() -> Path:
    environment: Environment = current_app.extensions["coverdesk.environment"]
    return environment.rules_dir


# ------------------------------------------------------------------ results


def _cancel(tx: Transaction, replay_id: str) -> str:
    cancel_replay(tx, replay_id)
    return replay_id


def _page(replay: ReplayView, filters: dict[str, Any], form: ActionForm) -> str:
    with desk().read(actor()) as tx:
        description = describe_replay(tx, replay)
        move = _move_of(replay, filters)
        page, lines = None, []
        if replay.state == "done":
            page = list_differences(tx, replay.id, **_wanted(replay, filters), **counted_page())
            lines = _lines(tx, page.items)
        return render_template(
            "rules/replay.html",
            description=description,
            published=_published(tx, replay.version),
            filters=filters,
            changes=CHANGES,
            chosen=_described_move(description.moves, replay, move),
            page=page,
            lines=lines,
            span=_span(replay),
            form=form,
        )


def _lines(tx: Transaction, differences: Sequence[DifferenceView]) -> list[Line]:
    names = contract_names(tx, [side.contract for one in differences for side in (one.before, one.after)])
    return [
        Line(
            one,
            side_of(one.before, names),
            side_of(one.after, names),
            _overage(one),
            [invoice_line(invoice) for invoice in one.invoices],
        )
        for one in differences
    ]


def _overage(one: DifferenceView) -> str:
    change = one.overage_after.amount_minor - one.overage_before.amount_minor
    if not change:
        return ""
    amount = money_text(abs(change), one.overage_after.currency)
    if change < 0:
        return gettext("%(amount)s less", amount=amount)
    return gettext("%(amount)s more", amount=amount)


def _wanted(replay: ReplayView, filters: dict[str, Any]) -> dict[str, Any]:
    return {
        "change": filters.get("change"),
        "number": filters.get("q"),
        "move": _move_of(replay, filters),
    }


def _move_of(replay: ReplayView, filters: dict[str, Any]) -> MoveView | None:
    """The move of the summary that the list is filtered by. Raises: NotFound."""
    place = filters.get("move")
    if place is None or replay.summary is None:
        return None
    if not place.isascii() or not place.isdecimal() or int(place[:6]) >= len(replay.summary.moves):
        raise NotFound(
            gettext("This replay has no such change."),
            remedy=gettext("Open the replay without the filter."),
        )
    return replay.summary.moves[int(place)]


def _described_move(moves: Sequence[Move], replay: ReplayView, move: MoveView | None) -> Move | None:
    if move is None or replay.summary is None:
        return None
    return moves[replay.summary.moves.index(move)]


def _published(tx: Transaction, version: str) -> RuleSetView | None:
    """The published rule set of a replay, or None."""
    try:
        return get_rule_set(tx, version)
    except NotFound:
        return None


def _span(replay: ReplayView) -> ReplaySpan:
    last = replay.to_at.astimezone(zone()) - timedelta(microseconds=1)
    return ReplaySpan(replay.from_at.astimezone(zone()).date(), last.date())


def _csv(replay: ReplayView, filters: dict[str, Any]) -> Response:
    """All differences as streamed CSV, since a year of them may not fit into memory."""
    read = _reader(replay.id, _wanted(replay, filters))
    answer = Response(_csv_text(read), mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="replay.csv"'
    return answer


def _reader(replay_id: str, wanted: dict[str, Any]) -> Callable[[], Iterator[DifferenceView]]:
    """Reads page by page, each in its own transaction and without the request context."""
    from_desk, who = desk(), actor()

    def read() -> Iterator[DifferenceView]:
        at: str | None = None
        while True:
            with from_desk.read(who) as tx:
                page = list_differences(tx, replay_id, **wanted, limit=MOST_LIMIT, cursor=at)
            yield from page.items
            at = page.next_cursor
            if at is None:
                return

    return read


def _csv_text(read: Callable[[], Iterator[DifferenceView]]) -> Iterator[str]:
    # The byte order mark makes spreadsheets read it as UTF-8.
    yield "\ufeff" + _csv_line(replay_columns())
    for one in read():
        yield _csv_line(replay_row(one))


def _csv_line(values: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(values)
    return text.getvalue()
