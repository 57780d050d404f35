"""Errors of the use cases. Each is mapped to an HTTP status once, in `web/errors.py`."""

from engine.errors import DeskError


class NotFound(DeskError):
    """The record does not exist, or the actor may not see it: the two are not distinguished."""

    code = "not-found"


class NotAllowed(DeskError):
    """The actor's role may not do this."""

    code = "not-allowed"


class InvalidInput(DeskError):
    """A value is not valid. `values["pointer"]` is the JSON pointer of the field."""

    code = "invalid-input"


class StateForbids(DeskError):
    """The record's state forbids it; `values` has the state, and what would be allowed."""

    code = "state-forbids"


class Conflict(DeskError):
    """Another record conflicts: a number or an address that is already taken."""

    code = "conflict"


class VersionChanged(DeskError):
    """The record has changed since it was read (If-Match)."""

    code = "version-changed"


class IdempotencyKeyReused(DeskError):
    """The idempotency key was used with another body."""

    code = "idempotency-key-reused"


class OutcomeUnknown(DeskError):
    """The database was lost while it saved the change: it may have been saved, or not."""

    code = "outcome-unknown"


class Contended(DeskError):
    """Others changed the same records at the same time; nothing was saved, even after several attempts."""

    code = "contended"


class DiskFull(DeskError):
    """The disk of the database is full: nothing can be stored until space is freed."""

    code = "disk-full"


class NoRuleSet(DeskError):
    """No rule set is in force yet."""

    code = "no-rule-set"


def invalid(pointer: str, detail: str, remedy: str = "") -> InvalidInput:
    """An error of one field, named by its JSON pointer."""
    return InvalidInput(detail, remedy=remedy, pointer=pointer)
