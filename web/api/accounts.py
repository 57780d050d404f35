"""API routes of the accounts of money: trial balance, deferred revenue, aged receivables."""

from datetime import date

from web.api.queries import On, Query, Text
from web.api.routing import RouteGroup
from workflows.billing.journals.accounts import (
    read_aged_receivables,
    read_deferred_revenue,
    read_trial_balance,
)
from workflows.core.transaction import Transaction
from workflows.views.accounts import AgedReceivables, DeferredRevenue, TrialBalance

accounts = RouteGroup("Accounts")


class DayQuery(Query):
    """`as_of` is a day in the provider's time zone, as of its end; today if it is left out."""

    as_of: On | None = None

    @property
    def day(self) -> date | None:
        return self.as_of


class DeferredQuery(DayQuery):
    """`contract` is the id of one, whose schedule is returned as well.

    With `due`, those of which closing the month posts revenue, and no others.
    """

    contract: Text | None = None
    due: bool = False


@accounts.get("/ledger/trial-balance")
def get_trial_balance(tx: Transaction, query: DayQuery) -> TrialBalance:
    """Return the balances of all money accounts by the end of a day. For finance and administrators."""
    return read_trial_balance(tx, as_of=query.day)


@accounts.get("/ledger/deferred-revenue")
def get_deferred_revenue(tx: Transaction, query: DeferredQuery) -> DeferredRevenue:
    """Return the contracts of which something invoiced is still to be delivered by the end of a day."""
    return read_deferred_revenue(tx, as_of=query.day, contract=query.contract, due=query.due)


@accounts.get("/ledger/aged-receivables")
def get_aged_receivables(tx: Transaction, query: DayQuery) -> AgedReceivables:
    """Return what each customer and org unit owes by the end of a day, by how long it has been due."""
    return read_aged_receivables(tx, as_of=query.day)
