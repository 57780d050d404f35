"""Reads and checks the service levels file, including its examples.

Source: product.md section 9.
"""

from collections.abc import Mapping
from functools import partial

from engine.contracts import amount_text
from engine.named_calendars import NamedCalendar
from engine.rulebook.files.examples import MAX_TEXT
from engine.rulebook.files.named_elements import read_named_elements
from engine.rulebook.files.rule_reader import ID, ID_FORM
from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node, quoted
from engine.rulebook.syntax.typed_reader import (
    read_choice,
    read_name,
    read_object,
    read_text,
    read_whole_number,
)
from engine.rulebook.vocabulary.registry import MAX_MINUTES
from engine.service_requests import PRIORITIES
from engine.sla import SLA_CALENDARS, Sla, SlaTarget, SlaWarning

TARGET_KEYS = ("response_minutes", "resolution_minutes")
WARNING_KEYS = ("percent", "minutes_before")


def read_sla_file(
    report: FileReport, root: Node, calendars: Mapping[str, NamedCalendar] | None
) -> dict[str, Sla]:
    """The valid service levels of the file, by id; problems of the others are reported.

    `calendars` are those that a level can name; None if they could not be read: then any name will do.
    """
    read = partial(_sla, calendars=calendars)
    return read_named_elements(report, root, "slas", read, _example, of="service levels")


def _sla(report: FileReport, node: Node, calendars: Mapping[str, NamedCalendar] | None) -> Sla | None:
    fields = read_object(report, node, ("id", "label", "calendar", "targets"), ("warning",))
    if fields is None or fields.missing:
        return None
    id = read_name(report, fields["id"], ID, ID_FORM)
    label = read_text(report, fields["label"], maximum=60)
    calendar = _calendar(report, fields["calendar"], calendars)
    targets_fields = read_object(report, fields["targets"], PRIORITIES)
    if targets_fields is None:
        return None
    targets = {
        priority: target
        for priority, member in targets_fields.members.items()
        if (target := _target(report, member)) is not None
    }
    if id is None or label is None or calendar is None or len(targets) < len(PRIORITIES):
        return None
    warning = None
    if "warning" in fields:
        warning = _warning(report, fields["warning"], targets)
        if warning is None:
            return None
    return Sla(id, label, calendar, targets, warning)


def _calendar(report: FileReport, node: Node, calendars: Mapping[str, NamedCalendar] | None) -> str | None:
    if calendars is None:
        return read_name(report, node, ID, ID_FORM)
    name = read_choice(report, node, (*SLA_CALENDARS, *calendars), what="calendar")
    if name in SLA_CALENDARS or name is None or calendars[name].goes_on:
        return name
    allowed = report.reject(
        node.place,
        f"The calendar {quoted(name)} has hours on single dates only: after them no target would ever be "
        "reached. Give it weekly hours, or hours of holidays.",
    )
    return name if allowed else None


def _warning(report: FileReport, node: Node, targets: dict[str, SlaTarget]) -> SlaWarning | None:
    """When the targets warn: `percent` of their minutes, or `minutes_before` they are due."""
    fields = read_object(report, node, (), WARNING_KEYS)
    if fields is None:
        return None
    if len(fields.members) != 1:
        report.error(node.place, 'Write either "percent" or "minutes_before".')
        return None
    if "percent" in fields:
        percent = read_whole_number(report, fields["percent"], minimum=1, maximum=99)
        return None if percent is None else SlaWarning(percent=percent)
    shortest = min(target.response_minutes for target in targets.values())
    minutes = read_whole_number(report, fields["minutes_before"], minimum=1, maximum=MAX_MINUTES)
    if minutes is not None and minutes >= shortest:
        report.error(
            fields["minutes_before"].place,
            f"The warning would come before the request: the shortest target has "
            f"{amount_text(shortest, 'minutes')}. Write less, or give a percentage.",
        )
        return None
    return None if minutes is None else SlaWarning(minutes_before=minutes)


def _target(report: FileReport, node: Node) -> SlaTarget | None:
    fields = read_object(report, node, TARGET_KEYS)
    if fields is None or fields.missing:
        return None
    response = read_whole_number(report, fields["response_minutes"], minimum=1, maximum=MAX_MINUTES)
    resolution = read_whole_number(report, fields["resolution_minutes"], minimum=1, maximum=MAX_MINUTES)
    if response is None or resolution is None:
        return None
    if resolution < response and not report.reject(
        fields["resolution_minutes"].place,
        f"The time to resolve, {amount_text(resolution, 'minutes')}, is shorter than the time to respond, "
        f"{amount_text(response, 'minutes')}. Write {response} or more.",
    ):
        return None
    return SlaTarget(response, resolution)


def _example(report: FileReport, node: Node, slas: dict[str, Sla]) -> None:
    fields = read_object(report, node, ("name", "facts", "targets"))
    if fields is None or fields.missing:
        return
    name = read_text(report, fields["name"], maximum=MAX_TEXT)
    facts = read_object(report, fields["facts"], ("sla", "priority"))
    expected = _target(report, fields["targets"])
    if facts is None or facts.missing:
        return
    id = read_choice(report, facts["sla"], slas, what="service level")
    priority = read_choice(report, facts["priority"], PRIORITIES, what="priority")
    if name is None or id is None or priority is None or expected is None:
        return
    target = slas[id].targets[priority]
    if target != expected:
        report.error(
            fields["targets"].place,
            f"Example {quoted(name)} expects {_describe(expected)}, but {quoted(id)} says "
            f"{_describe(target)}. Correct the service level or the example.",
        )


def _describe(target: SlaTarget) -> str:
    return f"{target.response_minutes} and {target.resolution_minutes} minutes"
