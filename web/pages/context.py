"""What every page has at hand: the desk, who is logged in, and the instant it is drawn at."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import current_app, g
from flask_login import current_user

from workflows.core.actors import Actor, Role
from workflows.core.desk import Desk
from workflows.core.settings import Settings


def desk() -> Desk:
    found: Desk = current_app.extensions["coverdesk"]
    return found


def actor() -> Actor:
    """Who is logged in. Only for pages behind the login: nobody else acts."""
    if not current_user.is_authenticated:
        raise LookupError("nobody is logged in")
    who: Actor = current_user.actor
    return who


def require_role(*roles: Role) -> None:
    """Raise NotAllowed unless who is logged in has one of the roles, before a form is drawn in vain."""
    if actor().role not in roles:
        with desk().read(actor()) as tx:
            tx.require(*roles)


def now() -> datetime:
    """The desk's instant at which this page is drawn; the same for the whole page."""
    if "page_now" not in g:
        g.page_now = desk().now()
    instant: datetime = g.page_now
    return instant


def settings() -> Settings:
    return desk().config.settings


def zone() -> ZoneInfo:
    return settings().zone
