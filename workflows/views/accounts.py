"""The accounts of money as of a day, as they are shown."""

from datetime import date

from workflows.views import MoneyView
from workflows.views.base import View, view


@view
class AccountBalance(View):
    """An account in one currency: what it has in debit, or in credit; the other is 0."""

    account: str
    debit: MoneyView
    credit: MoneyView


@view
class TrialBalance(View):
    """The balances of all accounts by the end of a day; debit and credit of each currency are equal.

    `unposted` is the revenue in each currency that is counted and will be posted when the period is closed.
    """

    as_of: date
    accounts: list[AccountBalance]
    unposted: list[MoneyView]


@view
class ContractRevenue(View):
    """What was invoiced of a contract and not credited, and what of it is revenue, or still deferred.

    Without a contract, of a recurring sale, or of an invoice for its lines by hand; `number` is of any.
    `due` is the revenue that closing the month posts.
    """

    contract: str | None
    recurring_sale: str | None
    invoice: str | None
    number: str
    invoiced: MoneyView
    recognized: MoneyView
    deferred: MoneyView
    due: MoneyView


@view
class AgedReceivable(View):
    """What a customer or an org unit owes in one currency, by how many days it is overdue."""

    party: str
    customer: str | None
    org_unit: str | None
    name: str
    total: MoneyView
    not_due: MoneyView
    days_1_to_30: MoneyView
    days_31_to_60: MoneyView
    days_61_to_90: MoneyView
    days_over_90: MoneyView


@view
class RevenueMonth(View):
    """What becomes revenue in a month, or in the rest of the first one, and what is deferred at its end."""

    month: str
    recognized: MoneyView
    deferred: MoneyView


@view
class DeferredRevenue(View):
    """What is still to be delivered by the end of a day, by contract and invoice, and its sums.

    Of one contract, with the `schedule` by which the rest becomes revenue if nothing more is drawn.
    """

    as_of: date
    items: list[ContractRevenue]
    totals: list[MoneyView]
    due_totals: list[MoneyView]
    schedule: list[RevenueMonth]


@view
class AgedReceivables(View):
    """Who owes what by the end of a day, and the sums; a sum of each currency."""

    as_of: date
    items: list[AgedReceivable]
    totals: list[MoneyView]
