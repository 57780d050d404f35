"""Commands on service requests and their coverage."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from engine.service_requests import Priority, Trigger
from workflows.commands.fields import Code, Command, Id, Instant, LongText, Name, no_control_characters


class CoverageQuestion(Command):
    customer: Id
    item: Id | None = None
    org_unit: Id | None = None
    work_type: Code | None = None
    priority: Priority = "normal"
    channel: Code | None = None
    at: Instant | None = None


class NewServiceRequest(Command):
    subject: Name
    description: LongText | None = None
    customer: Id
    item: Id | None = None
    org_unit: Id | None = None
    priority: Priority = "normal"
    work_type: Code | None = None
    channel: Code | None = None


class ChangeServiceRequest(Command):
    subject: Name = ""
    description: LongText | None = None
    customer: Id = ""
    item: Id | None = None
    org_unit: Id | None = None
    priority: Priority = "normal"
    work_type: Code | None = None
    technician: Id | None = None


class FireTrigger(Command):
    trigger: Trigger
    note: LongText | None = None
    reason: LongText | None = None


class RemindCustomer(Command):
    """Remind the customer of a request that waits for a contract; `again`: also minutes after a reminder."""

    again: bool = False


class SearchCoverage(Command):
    """Search again, or assign the contract given (supervisors only, with a reason).

    An assignment holds from now on, or `from` an earlier instant, back to the logging: work since then moves.
    """

    contract: Id | None = None
    reason: LongText | None = None
    from_: Annotated[Instant | None, Field(alias="from")] = None


class MergeRequest(Command):
    """Merge a service request into another one, by its id, with the reason."""

    into: Id
    reason: LongText | None = None


class SplitRequest(Command):
    """Undo the merge of a service request, with the reason."""

    reason: LongText | None = None


class AddNote(Command):
    body: Annotated[
        str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(no_control_characters)
    ]
    public: bool = True
