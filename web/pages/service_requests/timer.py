"""Work timers, stored in the session."""

from datetime import datetime

from flask import session

from web.pages.context import now

KEY = "timers"
MOST_TIMERS = 20


def running_since(service_request_id: str) -> datetime | None:
    """When the user started the timer of this request; None if it is not running."""
    text = session.get(KEY, {}).get(service_request_id)
    try:
        return datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        return None


def start(service_request_id: str) -> None:
    timers = dict(session.get(KEY, {}))
    timers[service_request_id] = now().isoformat()
    # The cookie size is limited: drop the oldest timers.
    session[KEY] = dict(list(timers.items())[-MOST_TIMERS:])


def forget(service_request_id: str) -> None:
    timers = dict(session.get(KEY, {}))
    timers.pop(service_request_id, None)
    session[KEY] = timers
