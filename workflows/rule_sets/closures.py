"""Importing closures from a calendar file into a calendar of the rule set in force.

The result is published like any edit of a rule file: checked as a whole, and approved where that is required.
Source: product.md section 7.
"""

import json
import re
from datetime import timedelta
from typing import Any

from engine.calendar_files import InvalidCalendarFile, read_closures
from engine.named_calendars import Closure
from engine.periods import local_date
from workflows.core.errors import NotFound, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.rule_sets.proposals import Submitted, submit_rule_set
from workflows.rule_sets.publishing import rule_set_in_force

CALENDAR_FILE = "calendars.json"
DAYS_BACK, DAYS_AHEAD = 366, 5 * 366
"""Repeating events are imported for these days around today."""
_PAIR = re.compile(r'\[\s*("\d{1,2}:\d\d"),\s*("\d{1,2}:\d\d")\s*\]')


def import_closures(tx: Transaction, calendar_id: str, file: str, note: str = "") -> Submitted:
    """Replace the closures of a calendar by those of a calendar file (iCalendar text), and publish.

    Those of the last year and the next five years are taken.

    Raises: NotAllowed; NoRuleSet; NotFound if there is no such calendar; InvalidInput for a file that cannot
    be read, is too large, has a time in an unknown time zone, or has no closure; RuleSetRefused.
    """
    tx.require("administrator")
    closures = _read(tx, file)
    in_force = rule_set_in_force(tx)
    document = json.loads(in_force.files.get(CALENDAR_FILE, '{"calendars": []}'))
    calendar = next((one for one in document["calendars"] if one["id"] == calendar_id), None)
    if calendar is None:
        raise NotFound(
            gettext("There is no calendar %(calendar_id)s.", calendar_id=repr(calendar_id)),
            remedy=gettext("Add it to calendars.json first."),
        )
    calendar["closures"] = [_written(one) for one in closures]
    files = {**in_force.files, CALENDAR_FILE: _text(document)}
    count = "1 closure" if len(closures) == 1 else f"{len(closures)} closures"
    default = f"{count} of a calendar file for {calendar['label']}"
    return submit_rule_set(tx, files, note or default, based_on=in_force.version)


def _read(tx: Transaction, file: str) -> tuple[Closure, ...]:
    today = local_date(tx.now, tx.settings.zone)
    try:
        closures = read_closures(
            file.encode(),
            tx.settings.zone,
            today - timedelta(days=DAYS_BACK),
            today + timedelta(days=DAYS_AHEAD),
        )
    except InvalidCalendarFile as error:
        raise invalid("/file", error.detail, error.remedy) from None
    if not closures:
        raise invalid("/file", gettext("The file has no closure from last year to the next five years."))
    return closures


def _written(closure: Closure) -> dict[str, Any]:
    period = closure.period
    assert period.end is not None, "a closure has an end"
    texts = {"from": period.start, "to": period.end}
    written = {name: at.isoformat().replace("+00:00", "Z") for name, at in texts.items()}
    return {**written, "summary": closure.summary} if closure.summary else written


def _text(document: Any) -> str:
    """A document as people write it: each pair of times on one line."""
    return _PAIR.sub(r"[\1, \2]", json.dumps(document, indent=2, ensure_ascii=False)) + "\n"
