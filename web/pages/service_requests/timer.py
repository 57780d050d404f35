"""The start and stop of work: kept in the session, so that a browser that is closed forgets nothing else."""

from datetime import datetime

from flask import session

from web.pages.context import now

KEY = "timers"
MOST_TIMERS = 20


def running_since(service_request_id: str) -> datetime | None:
    """When the reader started the time of this request; None while it does not run."""
    text = session.get(KEY, {}).get(service_request_id)
    try:
        return datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        return None


def start(service_request_id: str) -> None:
    timers = dict(session.get(KEY, {}))
    timers[service_request_id] = now().isoformat()
    # The cookie has little room: the oldest goes.
    session[KEY] = dict(list(timers.items())[-MOST_TIMERS:])


def forget(service_request_id: str) -> None:
    timers = dict(session.get(KEY, {}))
    timers.pop(service_request_id, None)
    session[KEY] = timers
