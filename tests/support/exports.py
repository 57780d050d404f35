"""Small exports of another desk, and a mapping for them."""

import json
from typing import Any

from workflows.importing.history_import import import_history
from workflows.importing.mapping import Mapping, read_mapping
from workflows.importing.report import ImportReport

HEADER = "number,state,at,opened,caller,site,thing,who,prio,count,mail"

MAPPING: dict[str, Any] = {
    "source": "Old desk",
    "missing": ["?"],
    "date_form": "%Y-%m-%d %H:%M",
    "columns": {
        "number": "number",
        "state": "state",
        "changed_at": "at",
        "opened_at": "opened",
        "sequence": "count",
        "customer": "caller",
        "customer_email": "mail",
        "org_unit": "site",
        "item": "thing",
        "technician": "who",
        "priority": "prio",
        "subject": [{"text": "Trouble with {thing}"}],
    },
    "states": {
        "New": "open",
        "Active": "in_progress",
        "Waiting for caller": {"state": "on_hold", "reason": "customer"},
        "Waiting for parts": {"state": "on_hold", "reason": "supplier"},
        "Resolved": "resolved",
        "Closed": "closed",
        "Cancelled": {"state": "cancelled", "reason": "Taken back"},
        "Commented": None,
    },
    "org_units_under": {"code": "OLD", "name": "The old company"},
    "item_owner": {"code": "OLD"},
}


def mapping(**changes: Any) -> Mapping:
    """Return the mapping above with changes; `columns` and `states` are merged, and `...` removes a key."""
    return read_mapping("mapping.json", json.dumps(mapped(**changes)).encode())


def mapped(**changes: Any) -> dict[str, Any]:
    """Return the changed mapping as the JSON value of its file."""
    made = dict(MAPPING)
    for key, value in changes.items():
        if key in ("columns", "states"):
            value = {name: one for name, one in (MAPPING[key] | value).items() if one is not ...}
        made[key] = value
    return {key: value for key, value in made.items() if value is not ...}


def event(
    number: str,
    state: str,
    at: str,
    *,
    opened: str = "2026-01-05 08:00",
    caller: str = "Ann Smith",
    site: str = "Berlin",
    thing: str = "Printer",
    who: str = "?",
    prio: str = "normal",
    count: str = "",
    mail: str = "",
) -> str:
    """Return one row. An instant without a date is on 5 January 2026."""
    instant = f"2026-01-05 {at}" if len(at) == 5 else at
    return ",".join((number, state, instant, opened, caller, site, thing, who, prio, count, mail))


def export(*rows: str, header: str = HEADER, end: str = "\n") -> bytes:
    """Return a file with a header and these rows."""
    return (end.join((header, *rows)) + end).encode()


def run(desk: Any, raw: bytes, with_mapping: Mapping | None = None, **options: Any) -> ImportReport:
    """Import a file."""
    return import_history(desk, "export.csv", raw, with_mapping or mapping(), **options)
