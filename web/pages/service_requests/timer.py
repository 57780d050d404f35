"""Work timers, stored in the session."""

from datetime import datetime, timedelta

from flask import session

from engine.quantities import is_too_long, whole_minutes
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


def span(service_request_id: str) -> dict[str, datetime]:
    """The start and the end of what the timer measured; none if it is not running.

    One that has run longer than a work entry may be was forgotten: when the work ended is not known then.
    """
    since = running_since(service_request_id)
    if since is None:
        return {}
    return {"started_at": since} if ran_too_long(since) else {"started_at": since, "ended_at": now()}


def ran_too_long(since: datetime) -> bool:
    """Whether a timer that started then has run longer than a work entry may be."""
    return is_too_long(whole_minutes(max((now() - since) // timedelta(seconds=1), 0)))


def start(service_request_id: str) -> None:
    timers = dict(session.get(KEY, {}))
    timers[service_request_id] = now().isoformat()
    # The cookie size is limited: drop the oldest timers.
    session[KEY] = dict(list(timers.items())[-MOST_TIMERS:])


def forget(service_request_id: str) -> None:
    timers = dict(session.get(KEY, {}))
    timers.pop(service_request_id, None)
    session[KEY] = timers
