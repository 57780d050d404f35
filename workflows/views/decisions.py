"""Coverage decisions as they are shown."""

from datetime import datetime
from typing import Any

from workflows.views.base import View, view


@view
class CandidateView(View):
    """One contract that was considered; `ruled_out_by` is None for the contract chosen.

    `holder` is the holder's id, `standing_why` the reason why the contract was not valid.
    """

    contract: str
    number: str
    type: str
    holder_kind: str
    holder: str
    standing: str
    standing_why: str | None
    ruled_out_by: str | None
    code: str | None


@view
class DecisionView(View):
    """A coverage decision; `id` is None for a preview, which is not stored.

    For a customer, `contract` and the ids in `facts` are None if they name what the customer may not see,
    such as an earlier customer of the service request; then `cause` is without the id, too. `holds_from` is
    an instant before `decided_at` from which it holds; None: from `decided_at` on.
    """

    id: str | None
    service_request: str | None
    decided_at: datetime
    as_of: datetime
    rule_set: str
    facts: dict[str, Any]
    candidates: list[CandidateView]
    rule: str
    why: str
    outcome: str
    contract: str | None
    params: dict[str, Any]
    cause: str
    actor: str
    reason: str | None
    holds_from: datetime | None = None
