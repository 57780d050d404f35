"""The accounts of money as of a day: trial balance, deferred revenue by contract, aged receivables."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from web.languages import Texts, mark
from web.pages.context import actor, desk
from web.pages.layout.listing import csv_response, read_day, wants_csv
from web.statement_labels import ACCOUNTS
from workflows.billing.journals.accounts import (
    read_aged_receivables,
    read_deferred_revenue,
    read_trial_balance,
)
from workflows.views import MoneyView
from workflows.views.accounts import AccountBalance, AgedReceivable, ContractRevenue

pages = Blueprint("accounts", __name__, url_prefix="/accounts")
Read = Callable[..., Any]
AGES = Texts(
    {
        "not_due": mark("Not due"),
        "days_1_to_30": mark("1–30 days"),
        "days_31_to_60": mark("31–60 days"),
        "days_61_to_90": mark("61–90 days"),
        "days_over_90": mark("Over 90 days"),
    }
)
"""The columns of aged receivables by field."""


@pages.get("/trial-balance")
def trial_balance() -> str | Response:
    found = _read(read_trial_balance)
    if wants_csv():
        header = ["account", "currency", "debit_minor", "credit_minor"]
        return csv_response(f"trial-balance-{found.as_of}", header, [_balance(one) for one in found.accounts])
    return render_template(
        "administration/accounts/trial_balance.html",
        found=found,
        account_labels=ACCOUNTS,
        totals=_totals(found.accounts),
    )


@pages.get("/deferred-revenue")
def deferred_revenue() -> str | Response:
    contract = request.args.get("contract") or None
    due = "due" in request.args
    found = _read(read_deferred_revenue, contract=contract, due=due)
    if wants_csv():
        header = ["number", "currency", "invoiced_minor", "recognized_minor", "deferred_minor", "due_minor"]
        return csv_response(f"deferred-revenue-{found.as_of}", header, [_revenue(one) for one in found.items])
    return render_template(
        "administration/accounts/deferred_revenue.html", found=found, contract=contract, due=due
    )


@pages.get("/receivables")
def receivables() -> str | Response:
    found = _read(read_aged_receivables)
    if wants_csv():
        header = ["name", "currency", "total_minor", *(f"{name}_minor" for name in AGES)]
        return csv_response(f"receivables-{found.as_of}", header, [_aged(one) for one in found.items])
    return render_template("administration/accounts/receivables.html", found=found, ages=AGES)


def _read(query: Read, **more: Any) -> Any:
    """What a query finds as of the day in the address, today without one. Raises: InvalidInput."""
    as_of = read_day("as_of")
    with desk().read(actor()) as tx:
        return query(tx, as_of=as_of, **more)


def _totals(accounts: list[AccountBalance]) -> list[AccountBalance]:
    """The sums of debits and credits of each currency."""
    sums: dict[str, list[int]] = {}
    for one in accounts:
        found = sums.setdefault(one.debit.currency, [0, 0])
        found[0] += one.debit.amount_minor
        found[1] += one.credit.amount_minor
    return [
        AccountBalance("", MoneyView(debit, currency), MoneyView(credit, currency))
        for currency, (debit, credit) in sums.items()
    ]


def _balance(one: AccountBalance) -> list[Any]:
    return [one.account, one.debit.currency, one.debit.amount_minor, one.credit.amount_minor]


def _revenue(one: ContractRevenue) -> list[Any]:
    amounts = (one.invoiced, one.recognized, one.deferred, one.due)
    return [one.number, one.deferred.currency, *(amount.amount_minor for amount in amounts)]


def _aged(one: AgedReceivable) -> list[Any]:
    amounts: list[MoneyView] = [one.total, *(getattr(one, name) for name in AGES)]
    return [one.name, one.total.currency, *(amount.amount_minor for amount in amounts)]
