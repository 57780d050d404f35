"""Rule sets: check, publish, compare, and list former publications.

A published rule set is stored completely under the hash of its files; publishing it again is a new
publication. A rule set with errors is never published. For publishing with approval see `proposals`.
Files are checked before the transaction starts to write, because that may take long: only the version in
force and the contract types in use are checked while other writers wait.
Source: product.md sections 6 and 12.
"""

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any

from sqlalchemy import Row, Select, select

from engine.rulebook import Problem, RuleSet, RuleSetRefused, version_of
from engine.sla import BUSINESS_HOURS, unreachable_target
from workflows.commands.fields import CONTROL_CHARACTER
from workflows.core.actors import OFFICE, SYSTEM
from workflows.core.config import Config
from workflows.core.config_version import bump_generation, config_in_force
from workflows.core.desk import Desk
from workflows.core.errors import Conflict, InvalidInput, NoRuleSet, NotFound, invalid
from workflows.core.paging import Sort, read_page
from workflows.core.stored_rules import load_once
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.given_terms import unbillable_rule
from workflows.lifecycle.service_requests.sla import levels_in_force, service_levels
from workflows.lifecycle.service_requests.sla_changes import move_open_targets, preview_moved_targets
from workflows.notifications.messages import notify_administrators
from workflows.rule_sets.checked_files import checked_files
from workflows.rule_sets.line_comparison import can_compare
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.rules import (
    CheckView,
    DiffView,
    FileChange,
    FileDiffView,
    ProblemView,
    PublicationView,
    RuleSetView,
)

READERS = OFFICE
LONGEST_NOTE = 2000
SHORTEST_PREFIX = 6
ONLY_LINE_ENDS = "Only line ends differ."

publication = t.rule_publication


class RulesChanged(Conflict):
    """Another rule set has been published since the edited one was read."""

    code = "rules-changed"


def put_in_force(
    tx: Transaction, rule_set: RuleSet, note: str, *, published_by: str, approved_by: str | None = None
) -> int:
    """Store a checked rule set and put it in force. Returns how many open service level targets moved.

    The caller must have locked the deployment's row.
    """
    stored = select(t.rule_set.c.version).where(t.rule_set.c.version == rule_set.version)
    if tx.connection.execute(stored).scalar() is None:
        tx.add(t.rule_set, version=rule_set.version, files=dict(rule_set.files), created_at=tx.real_now)
    tx.add(
        publication,
        id=new_id(),
        version=rule_set.version,
        note=note,
        published_by=published_by,
        approved_by=approved_by,
        published_at=tx.real_now,
        # not a job's due instant, before which work was charged by the rules in force until now
        in_force_since=tx.recorded_at if tx.job else tx.now,
    )
    after = service_levels(rule_set, tx.settings)
    moved = move_open_targets(tx, levels_in_force(tx), after, why="service levels changed")
    bump_generation(tx, rule_set=rule_set.version)

    def values() -> dict[str, str]:
        targets = gettext("Open targets of service requests that moved: %(count)s.", count=moved)
        return {
            "author": published_by,
            "version": rule_set.version[:12],
            "approved": gettext("%(name)s approved it.", name=approved_by) if approved_by else "",
            "note": note.strip(),
            "targets": targets if moved else "",
        }

    notify_administrators(
        tx,
        "rules_published",
        values,
        about=("rule_set", rule_set.version),
    )
    return moved


def load_publishable(tx: Transaction, files: Mapping[str, str]) -> RuleSet:
    """Check and load the files as for publishing. Raises: RuleSetRefused, with all problems."""
    rule_set = load_once(files)
    require_usable(tx, rule_set)
    return rule_set


def require_usable(tx: Transaction, rule_set: RuleSet) -> None:
    """Raise RuleSetRefused if this desk cannot use the rule set.

    A contract type in use is missing, or the desk is never open for as long as a service level takes.
    """
    problems = _problems_of_use(tx, rule_set)
    if problems:
        raise RuleSetRefused(problems)


def require_base(config: Config, based_on: str | None) -> None:
    """Raise RulesChanged unless `based_on` is the version in force; None skips the check."""
    in_force = config.version
    if based_on is None or based_on == in_force:
        return
    raise RulesChanged(
        gettext(
            "Rule set %(in_force)s is in force, but yours is based on %(based_on)s.",
            in_force=(in_force or "none")[:12],
            based_on=based_on[:12],
        ),
        remedy=gettext(
            "Compare the two, merge the new changes, and publish again based on the one in force."
        ),
        in_force=in_force,
        based_on=based_on,
    )


def clean_note(note: str, pointer: str = "/note") -> str:
    """A note as it is stored. Raises: InvalidInput if it is too long or contains control characters."""
    if len(note) > LONGEST_NOTE:
        raise invalid(
            pointer,
            gettext("It may have at most %(longest_note)s characters.", longest_note=LONGEST_NOTE),
            gettext("Shorten it."),
        )
    if CONTROL_CHARACTER.search(note):
        raise invalid(pointer, gettext("It contains control characters."), gettext("Send plain text."))
    return note.strip()


def rollback_note(version: str) -> str:
    """The default note of a rollback."""
    return f"Rolled back to {version[:12]}"


def files_of(tx: Transaction, version: str) -> dict[str, str]:
    """The files of a version, by path; `version` may be shortened to its beginning.

    Raises:
        NotAllowed: the actor may not read rules.
        NotFound: there is no such version, or fewer than 6 characters were given.
        InvalidInput: several versions begin so.
    """
    tx.require(*READERS)
    if len(version) < SHORTEST_PREFIX:
        raise NotFound(
            gettext("There is no rule set with the version %(version)s.", version=repr(version)),
            remedy=gettext(
                "Give %(shortest_prefix)s or more characters of it.", shortest_prefix=SHORTEST_PREFIX
            ),
        )
    column = t.rule_set.c.version
    rows = tx.connection.execute(
        select(column, t.rule_set.c.files)
        .where(column.startswith(version, autoescape=True) if "\0" not in version else column.is_(None))
        .limit(2)
    ).all()
    if not rows:
        raise NotFound(gettext("There is no rule set with the version %(version)s.", version=repr(version)))
    if len(rows) > 1:
        raise InvalidInput(
            gettext("Several versions begin with %(version)s.", version=repr(version)),
            remedy=gettext("Give more characters of it."),
        )
    files: dict[str, str] = rows[0].files
    return files


def publish_first(desk: Desk, files: Mapping[str, str]) -> str | None:
    """Publish the files if no rule set is in force yet; returns the version, or None if there was one.

    Raises: RuleSetRefused if the files have errors.
    """

    def publish(tx: Transaction) -> str | None:
        if config_in_force(tx, to_change=True).version is not None:
            return None
        rule_set = load_publishable(tx, files)
        put_in_force(tx, rule_set, "The rules folder, at the first start", published_by=tx.actor.name)
        return rule_set.version

    version = desk.perform(SYSTEM, publish)
    desk.refresh()
    return version


def check_rules(tx: Transaction, files: Mapping[str, str]) -> CheckView:
    """All problems of the files, as publishing would find them, and how many open targets it would move.

    Nothing is stored. Raises: NotAllowed.
    """
    tx.require(*READERS)
    checked = checked_files(files)
    problems = () if checked.rule_set is None else _problems_of_use(tx, checked.rule_set)
    found = [*checked.problems, *problems]
    if checked.rule_set is None or any(problem.severity == "error" for problem in found):
        return check_view(found)
    levels = service_levels(checked.rule_set, tx.settings)
    return check_view(found, moved_targets=preview_moved_targets(tx, levels).count)


def warnings_in_force(tx: Transaction) -> list[ProblemView]:
    """What the check of the rule set in force warned of; it has no errors. Raises: NotAllowed."""
    tx.require(*READERS)
    return check_view(list(tx.config.rule_set.warnings)).problems if tx.config.rule_set is not None else []


def check_view(problems: list[Problem], *, moved_targets: int = 0) -> CheckView:
    """The problems as a view."""
    return CheckView(
        ok=not any(problem.severity == "error" for problem in problems),
        moved_targets=moved_targets,
        problems=[
            ProblemView(
                problem.file,
                problem.line,
                problem.column,
                problem.pointer,
                problem.severity,
                problem.message,
            )
            for problem in problems
        ],
    )


def rule_set_in_force(tx: Transaction) -> RuleSetView:
    """The rule set in force. Raises: NotAllowed; NoRuleSet."""
    tx.require(*READERS)
    version = tx.connection.execute(select(t.deployment.c.rule_set)).scalar_one_or_none()
    if version is None:
        raise NoRuleSet(
            "No rule set is in force.", remedy="Publish one: coverdesk rules publish --note '...'."
        )
    return get_rule_set(tx, version)


def get_rule_set(tx: Transaction, version: str) -> RuleSetView:
    """A published rule set with its latest publication. Raises: NotAllowed; NotFound."""
    tx.require(*READERS)
    row = tx.connection.execute(
        _publications()
        .add_columns(t.rule_set.c.files)
        .join(t.rule_set, t.rule_set.c.version == publication.c.version)
        .where(publication.c.version == version)
        .order_by(publication.c.published_at.desc(), publication.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such rule set."))
    return RuleSetView(
        version=row.version,
        files=row.files,
        note=row.note,
        published_by=row.published_by,
        approved_by=row.approved_by,
        published_at=row.published_at,
        in_force=row.version == row.current,
    )


def list_publications(
    tx: Transaction,
    *,
    order: str = "-published_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[PublicationView]:
    """A page of the publications, newest first. Raises: NotAllowed; InvalidInput for order or cursor."""
    tx.require(*READERS)
    return read_page(
        tx,
        _publications(),
        _publication_view,
        orders={"published_at": Sort(publication.c.published_at)},
        by_id=publication.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def diff_rule_sets(tx: Transaction, from_: str | None = None, to: str | None = None) -> DiffView:
    """How two versions differ, file by file; each defaults to the version in force.

    Raises:
        NotAllowed: the actor may not read rules.
        InvalidInput: there is no such version, or several begin so.
        NoRuleSet: none is in force.
    """
    tx.require(*READERS)
    old, new = _whole(tx, from_, "/from"), _whole(tx, to, "/to")
    return diff_view(old.version, old.files, new.version, new.files)


def diff_view(
    old_version: str | None, old: Mapping[str, str], new_version: str, new: Mapping[str, str]
) -> DiffView:
    """How two sets of files differ, as a unified diff per file."""
    files = []
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if before == after:
            continue
        change: FileChange = "added" if before is None else "removed" if after is None else "changed"
        lines = list(difference({path: before or ""}, {path: after or ""}))
        files.append(FileDiffView(path, change, "\n".join(lines or [ONLY_LINE_ENDS])))
    return DiffView(old_version, new_version, files)


def difference(
    old: Mapping[str, str], new: Mapping[str, str], *, old_name: str = "in force", new_name: str = "new"
) -> Iterator[str]:
    """The lines in which two sets of files differ, as a unified diff."""
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path, "").splitlines(), new.get(path, "").splitlines()
        old_path, new_path = f"{old_name}/{path}", f"{new_name}/{path}"
        if before == after or can_compare(before, after):
            yield from unified_diff(before, after, old_path, new_path, lineterm="")
        else:
            # comparing their lines would take too long: all of them are listed
            yield from (f"--- {old_path}", f"+++ {new_path}")
            yield f"@@ -1,{len(before)} +1,{len(after)} @@"
            yield from (f"-{line}" for line in before)
            yield from (f"+{line}" for line in after)


def _whole(tx: Transaction, version: str | None, pointer: str) -> RuleSetView:
    if version is None:
        return rule_set_in_force(tx)
    try:
        return get_rule_set(tx, version_of(files_of(tx, version)))
    except NotFound as error:
        raise invalid(pointer, str(error), gettext("See GET /api/v1/rules/versions.")) from None


def _problems_of_use(tx: Transaction, rule_set: RuleSet) -> tuple[Problem, ...]:
    return (
        _missing_types(tx, rule_set)
        + _unreachable_targets(tx, rule_set)
        + _unbillable_rules(tx, rule_set)
        + _cards_in_another_currency(tx, rule_set)
        + _missing_cards(tx, rule_set)
    )


def _cards_in_another_currency(tx: Transaction, rule_set: RuleSet) -> tuple[Problem, ...]:
    """Cards with rates in another currency than the desk's, which would price no work."""
    currency = tx.settings.currency
    return tuple(
        Problem(
            f"rate_cards/{name}.json",
            1,
            1,
            "/currency",
            "error",
            f"The card is in {card.currency}, and the desk's currency is {currency}. "
            f"Write prices in {currency}, or remove the card.",
        )
        for name, card in rule_set.rate_cards.items()
        if card.rules and card.currency != currency
    )


def _missing_cards(tx: Transaction, rule_set: RuleSet) -> tuple[Problem, ...]:
    c = t.contract
    named = select(c.c.rate_card).where(
        c.c.rate_card.is_not(None), c.c.state.in_(("pending", "active", "exhausted"))
    )
    used = tx.connection.execute(named.distinct()).scalars()
    return tuple(
        Problem(
            f"rate_cards/{name}.json",
            1,
            1,
            "",
            "error",
            "The file is missing, but there are contracts with this rate card. Restore it.",
        )
        for name in sorted(set(used).difference(rule_set.rate_cards))
    )


def _unbillable_rules(tx: Transaction, rule_set: RuleSet) -> tuple[Problem, ...]:
    rule_id = unbillable_rule(tx.settings, rule_set)
    if rule_id is None:
        return ()
    message = (
        f'The contract of rule "{rule_id}" bills expired time, but invoices are off or an hour has no price. '
        "Switch invoices on and give the default overage rate in the settings, or use rollover or ignore."
    )
    return (Problem("coverage.json", 1, 1, "", "error", message),)


def _unreachable_targets(tx: Transaction, rule_set: RuleSet) -> tuple[Problem, ...]:
    levels = service_levels(rule_set, tx.settings)
    found = unreachable_target(levels.slas, levels.calendars, tx.now)
    if found is None or found.sla is None:
        return ()
    if found.no_data is not None:
        message = (
            f'The calendar of the service level "{found.sla.id}" needs holidays that are not known. '
            f"{found.no_data}"
        )
    elif found.sla.calendar == BUSINESS_HOURS:
        message = (
            f'The desk\'s business hours do not have as much time in 20 years as "{found.sla.id}" gives to '
            f"resolve priority {found.priority}. Write fewer minutes, or open for more hours in the settings."
        )
    else:
        message = (
            f'The calendar "{found.sla.calendar}" does not have as much time in 20 years as '
            f'"{found.sla.id}" gives to resolve priority {found.priority}. Write fewer minutes, or give the '
            "calendar more hours."
        )
    return (Problem("slas.json", 1, 1, "", "error", message),)


def _missing_types(tx: Transaction, rule_set: RuleSet) -> tuple[Problem, ...]:
    used = tx.connection.execute(select(t.contract.c.type).distinct()).scalars()
    return tuple(
        Problem(
            f"contract_types/{key}.json",
            1,
            1,
            "",
            "error",
            "The file is missing, but there are contracts of this type. Restore it.",
        )
        for key in sorted(set(used).difference(rule_set.contract_types))
    )


def _publications() -> Select[Any]:
    current = select(t.deployment.c.rule_set).scalar_subquery().label("current")
    return select(publication, current)


def _publication_view(row: Row[Any]) -> PublicationView:
    return PublicationView(
        version=row.version,
        note=row.note,
        published_by=row.published_by,
        approved_by=row.approved_by,
        published_at=row.published_at,
        in_force=row.version == row.current,
    )
