"""How long a login session lasts: a setting of the deployment, since it must hold for every administrator."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """A session ends `idle` after it was last used, and at the latest `longest` after the login."""

    idle: timedelta = timedelta(hours=12)
    longest: timedelta = timedelta(days=30)


DEFAULT_SESSION_LIMITS = SessionLimits()
