"""Failed attempts slow down one user at one address or device, and nobody else.

The first attempts are free; then each failure doubles the time until the next attempt. A device that the user
has logged in from before counts by itself and waits seconds at most, so that nobody can shut its user out.
"""

import hashlib
from datetime import timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite

from engine.errors import DeskError
from workflows.core.clock import CLOCK_SKEW
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext, ngettext
from workflows.store import tables as t

FREE_FAILURES = 4
LONGEST_DELAY = timedelta(minutes=15)
LONGEST_DEVICE_DELAY = timedelta(seconds=10)
FORGOTTEN_AFTER = timedelta(hours=24)
"""Without another failure for this long, the attempts are free again."""

delay = t.login_delay


class TooManyAttempts(DeskError):
    """Too many failed attempts; `values["retry_after_seconds"]` says how long to wait."""

    code = "too-many-attempts"


def delay_key(*parts: str) -> str:
    """The key under which attempts are counted: a hash, since what was typed may be a password."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def network_of(address: str) -> str:
    """The address that counts: of IPv6 the first 64 bits, since one client has all the others."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:100]
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, 64), strict=False))


def count_attempt(tx: Transaction, key: str, *, longest: timedelta) -> timedelta:
    """Count an attempt as failed before it is known whether it is; returns how long the next has to wait.

    So attempts at the same time, in any number of processes, get no more guesses than one after the other.
    Raises: TooManyAttempts if this attempt comes too early; it is not counted then.
    """
    now = tx.real_now
    dialect = sqlite if tx.is_sqlite else postgresql
    row = tx.connection.execute(
        dialect.insert(delay)
        .values(key=key, failures=0, last_at=now, until=now)
        # changes nothing, but locks the row, which could otherwise be deleted before it is read
        .on_conflict_do_update(index_elements=["key"], set_={"key": key})
        .returning(delay)
    ).one()
    # what is further ahead was stored before the clock was set back: it delays nobody
    forgotten = not now - FORGOTTEN_AFTER <= row.last_at <= now + CLOCK_SKEW
    if not forgotten and now < row.until:
        raise _too_early(row.until - now)
    failures = 1 if forgotten else row.failures + 1
    wait = delay_after(failures, longest)
    tx.connection.execute(
        update(delay).where(delay.c.key == key).values(failures=failures, last_at=now, until=now + wait)
    )
    return wait


def forgive_attempts(tx: Transaction, key: str) -> None:
    """Forget the attempts under a key: the last one succeeded."""
    tx.connection.execute(
        update(delay).where(delay.c.key == key).values(failures=0, last_at=tx.real_now, until=tx.real_now)
    )


def delay_after(failures: int, longest: timedelta) -> timedelta:
    """How long the attempt after so many failures has to wait: none, then 1, 2, 4 … seconds."""
    if failures <= FREE_FAILURES:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - FREE_FAILURES - 1, 20)), longest)


def _too_early(left: timedelta) -> TooManyAttempts:
    seconds = max(1, -(-left // timedelta(seconds=1)))
    remedy = ngettext("Try again in %(num)s second.", "Try again in %(num)s seconds.", seconds)
    if seconds > 90:
        remedy = gettext("Try again in %(count)s minutes.", count=-(-seconds // 60))
    return TooManyAttempts(gettext("Too many failed attempts."), remedy=remedy, retry_after_seconds=seconds)
