"""Request context of the pages: the desk, the logged-in user and the current time."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import current_app, g
from flask_login import current_user

from workflows.core.actors import Actor, Role
from workflows.core.desk import Desk
from workflows.core.settings import Settings


def desk() -> Desk:
    found: Desk = current_app.extensions["coverdesk"]
    return found


def actor() -> Actor:
    """The logged-in user, on pages that require login. Raises: LookupError if nobody is logged in."""
    if not current_user.is_authenticated:
        raise LookupError("nobody is logged in")
    who: Actor = current_user.actor
    return who


def require_role(*roles: Role) -> None:
    """Require one of the roles before rendering a form. Raises: NotAllowed."""
    if actor().role not in roles:
        with desk().read(actor()) as tx:
            tx.require(*roles)


def now() -> datetime:
    """The desk's current time (aware UTC), constant while a page is rendered."""
    if "page_now" not in g:
        g.page_now = desk().now()
    instant: datetime = g.page_now
    return instant


def settings() -> Settings:
    return desk().config.settings


def zone() -> ZoneInfo:
    """The provider's time zone: that of its days and of the forms."""
    return settings().zone


def own_zone() -> ZoneInfo | None:
    """The time zone in which the reader has chosen to read instants; None if it is the provider's."""
    name = getattr(current_user, "time_zone", None)
    if not name or name == settings().time_zone:
        return None
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        # of zone data that had it
        return None
