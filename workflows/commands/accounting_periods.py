"""Commands of accounting periods."""

from workflows.commands.fields import Command, LongText


class ChangePeriod(Command):
    """Close an accounting period, or open it again; `reason` is stored with it."""

    reason: LongText | None = None
