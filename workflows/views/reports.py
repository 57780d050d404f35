"""Reports as they are shown: what a month or a customer comes to."""

from datetime import date, datetime

from engine.sla_clock import TargetState
from workflows.views import MoneyView
from workflows.views.base import View, view, view_to_combine


@view_to_combine
class ReportKeys(View):
    """What a row is about; fields by which the report is not listed are None.

    `party` is the customer or the org unit behind the holder of a contract, such as `{"customer": ID}`;
    `month` is written YYYY-MM.
    """

    party: dict[str, str] | None
    party_name: str | None
    contract: str | None
    contract_number: str | None
    month: str | None


@view
class TimeMoved(View):
    """What the ledger posted, in whole minutes or in minor units of a currency.

    `held` awaits approval. `carried` was put aside for the holder's next contract, `carried_drawn` taken
    from what had been put aside; both are in minutes, and `used` has what was drawn for the latter.
    """

    sold: int
    used: int
    held: int
    expired: int
    carried: int
    carried_drawn: int


@view
class TimeMovedInMonth(TimeMoved):
    """The same for a month, written YYYY-MM."""

    month: str


@view
class TimeMovedRow(ReportKeys, TimeMoved):
    """The same for a customer, a contract, or a customer in a month."""


@view
class TimeMovedReport(View):
    """A page of rows, and the sums of all of them by month, whatever page it is."""

    unit: str
    months: list[TimeMovedInMonth]
    items: list[TimeMovedRow]
    next_cursor: str | None


@view
class Uncovered(View):
    """Whole minutes that no contract paid: carried over, ignored, or overage that is to be billed.

    `overage_minor` is the price of the latter in minor units, by the contracts' price of an hour.
    """

    carried: int
    ignored: int
    overage: int
    overage_minor: int


@view
class UncoveredInMonth(Uncovered):
    """The same for a month, written YYYY-MM."""

    month: str


@view
class UncoveredRow(ReportKeys, Uncovered):
    """The same for a customer, a contract, or a customer in a month.

    Without a contract, the party is the customer of the service request.
    """


@view
class UncoveredTimeReport(View):
    """A page of rows, and the sums of all of them by month, whatever page it is."""

    currency: str
    months: list[UncoveredInMonth]
    items: list[UncoveredRow]
    next_cursor: str | None


@view
class TargetsCounted(View):
    """How many targets of service requests are met, missed, or still open in time."""

    response_met: int
    response_missed: int
    response_open: int
    resolution_met: int
    resolution_missed: int
    resolution_open: int


@view
class ServiceLevelsInMonth(TargetsCounted):
    """The same for the requests opened in a month, written YYYY-MM."""

    month: str


@view
class ServiceLevelsRow(ReportKeys, TargetsCounted):
    """The same for a service level, a customer, or a customer in a month; the others are None."""

    level: str | None
    level_label: str | None


@view
class TargetsOfRequest(ReportKeys):
    """A service request with the states of its targets; None where it has no such target."""

    service_request: str
    number: str
    subject: str
    opened_at: datetime
    response: TargetState | None
    resolution: TargetState | None
    level: str | None
    level_label: str | None


@view
class ServiceLevelsReportView(View):
    """A page of rows, and the sums of all of them by month, whatever page it is."""

    months: list[ServiceLevelsInMonth]
    items: list[ServiceLevelsRow]
    next_cursor: str | None


@view
class Worked(View):
    """Whole minutes worked, what of them is chargeable after rounding and rules, and what is not billable.

    Chargeable minutes can be more than those worked: by rounding up, or by a rule that charges more.
    """

    worked: int
    chargeable: int
    not_billable: int


@view
class UtilizationInMonth(Worked):
    """The same for a month, written YYYY-MM."""

    month: str


@view
class UtilizationRow(ReportKeys, Worked):
    """The same for a technician, a contract, a customer, or a technician in a month; the others are None."""

    technician: str | None
    technician_name: str | None


@view
class WorkOfReport(ReportKeys, Worked):
    """A work entry that counts in the report."""

    technician: str | None
    technician_name: str | None
    entry: str
    worked_at: datetime
    service_request: str
    service_request_number: str
    subject: str


@view
class UtilizationReportView(View):
    """A page of rows, and the sums of all of them by month, whatever page it is."""

    months: list[UtilizationInMonth]
    items: list[UtilizationRow]
    next_cursor: str | None


@view
class EndingsInMonth(View):
    """How many contracts end by date and are projected to run out in a month, written YYYY-MM.

    `minutes_left` are those of the former, as of now; the values are the prices of contracts that have been
    renewed and that have not, in minor units of the desk's currency.
    """

    ending: int
    running_out: int
    minutes_left: int
    renewed_minor: int
    not_renewed_minor: int
    month: str


@view
class EndingContract(View):
    """A contract that ends: `by` expiry, or by exhaustion, which is projected from its recent pace.

    `last_day` is in the contract's time zone, `minutes_left` as of now; a renewal is worth its price.
    """

    contract: str
    number: str
    type: str
    holder: dict[str, str]
    holder_name: str
    ends_at: datetime
    by: str
    last_day: date
    minutes_left: int
    renewed_by: str | None
    renewal_value: MoneyView | None


@view
class EndingsReportView(View):
    """A page of contracts, the earliest end first, and the sums of all of them by month."""

    currency: str
    months: list[EndingsInMonth]
    items: list[EndingContract]
    next_cursor: str | None
