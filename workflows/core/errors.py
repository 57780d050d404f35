"""Refusals of the use cases. Each is mapped to a status once, in `web/errors.py`."""

from engine.errors import DeskError


class NotFound(DeskError):
    """The record is not there, or not the actor's to see: the two are told alike."""

    code = "not-found"


class NotAllowed(DeskError):
    """The actor's role may not do this."""

    code = "not-allowed"


class InvalidInput(DeskError):
    """A value cannot be taken. `values["pointer"]` is the JSON pointer of the field."""

    code = "invalid-input"


class StateForbids(DeskError):
    """The record's state forbids it; `values` say which state, and what would be allowed."""

    code = "state-forbids"


class Conflict(DeskError):
    """Another record stands in the way: a number or an address that is already taken."""

    code = "conflict"


class VersionChanged(DeskError):
    """The record was changed since it was read (If-Match)."""

    code = "version-changed"


class IdempotencyKeyReused(DeskError):
    """The same idempotency key came with another body."""

    code = "idempotency-key-reused"


class NoRuleSet(DeskError):
    """No rule set is in force yet."""

    code = "no-rule-set"


def invalid(pointer: str, detail: str, remedy: str = "") -> InvalidInput:
    """A refusal of one field, named by its JSON pointer."""
    return InvalidInput(detail, remedy=remedy, pointer=pointer)
