"""Bank statements and their entries as they are shown."""

from datetime import date, datetime

from workflows.views import MoneyView
from workflows.views.base import View, view


@view
class StatementAccountView(View):
    """What a file says of one account; a CSV file has neither an id of the statement nor balances.

    `left_out` are the lines at the end of a CSV file that are no entries, such as a total.
    """

    account: str
    currency: str
    statement_id: str
    from_on: date | None
    until_on: date | None
    opening: MoneyView | None
    closing: MoneyView | None
    left_out: list[str]


@view
class EntryCounts(View):
    """How many entries are in each state."""

    matched: int = 0
    assigned: int = 0
    offered: int = 0
    left: int = 0
    set_aside: int = 0
    not_receipt: int = 0


@view
class BankStatementView(View):
    """An uploaded file. Of its `entry_count` booked entries, `known_count` came with earlier files."""

    id: str
    file_name: str
    format: str
    accounts: list[StatementAccountView]
    entry_count: int
    known_count: int
    counts: EntryCounts
    uploaded_at: datetime
    uploaded_by: str


@view
class CandidateView(View):
    """An invoice that an entry may pay. `open` is what is open of it now."""

    id: str
    number: str
    party_name: str
    issued_on: date
    open: MoneyView


@view
class BankEntryView(View):
    """A booked entry, or one detail of it: debits are negative.

    `state` is matched (recorded at once), offered, left, assigned or set_aside (by a person), or not_receipt.
    The `candidates` were found for the `reason`, as alternatives or, if `together`, all of them; `has_more`
    says that there were more. `batch` is how many payments are in an entry that a person has to split.
    `payments` are the ids of those recorded for it that were not reversed.
    """

    id: str
    statement: str
    number: str
    account: str
    amount: MoneyView
    booked_on: date
    texts: list[str]
    reference: str
    party: str
    party_iban: str
    bank_reference: str
    is_reversal: bool
    batch: int
    state: str
    reason: str
    together: bool
    has_more: bool
    candidates: list[CandidateView]
    payments: list[str]
    decided_at: datetime | None
    decided_by: str | None
    decision_reason: str | None
    allowed_actions: list[str]
    version: int


@view
class BankStatementDetail(BankStatementView):
    """An uploaded file with the first entries of each kind: all of them are in its list of entries."""

    matched: list[BankEntryView]
    offered: list[BankEntryView]
    left: list[BankEntryView]
