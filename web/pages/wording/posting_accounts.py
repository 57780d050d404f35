"""The accounts of the ledger as they are named at its postings."""

from web.languages import Texts, mark
from web.pages.wording.labels import readable

POSTING_ACCOUNTS = Texts(
    {
        "sold": mark("sold"),
        "available": mark("available"),
        "held": mark("held"),
        "consumed": mark("consumed"),
        "expired": mark("expired"),
        "worked": mark("worked"),
        "carried": mark("carried"),
        "carried_drawn": mark("carried drawn"),
        "ignored": mark("ignored"),
        "overage": mark("overage"),
        "receivable": mark("receivable"),
        "cash": mark("cash"),
        "customer_credit": mark("customer credit"),
        "deferred_revenue": mark("deferred revenue"),
        "revenue": mark("revenue"),
        "tax": mark("tax"),
        "discount": mark("discount"),
        "write_off": mark("write off"),
    }
)


def posting_account(code: str) -> str:
    """An account of minutes, incidents or money: "customer credit"."""
    return POSTING_ACCOUNTS.get(code) or readable(code)
