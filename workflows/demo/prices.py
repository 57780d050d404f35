"""The price list of the demonstration: prices past, current and to come, and a contract sold by it."""

from datetime import date, timedelta

from sqlalchemy import select

from engine.price_list import COLUMNS
from workflows.commands.selling import ChangeProduct
from workflows.core.transaction import Transaction
from workflows.demo.actions import sell
from workflows.demo.contracts import own_items
from workflows.demo.rates import CURRENCY
from workflows.demo.timeline import Timeline
from workflows.selling.price_list import change_product
from workflows.selling.price_list_files import import_price_list
from workflows.store import tables as t

LISTED_DAYS_AGO = 3
SOLD_TO = 17
"""The item whose block of hours has expired: no request is about it."""
CONTRACTS = (
    ("CALL", "One call", "contract_type", "per_request", "", "call", 95),
    ("SUB-12", "Support for a year", "contract_type", "subscription", "", "contract", 1180),
    ("HOURS-4", "Block of 4 hours", "contract_type", "support_hours", "4 h", "block", 480),
    ("HOURS-20", "Block of 20 hours", "contract_type", "support_hours", "20 h", "block", 2200),
    ("PACK-5", "Pack of 5 incidents", "contract_type", "incident_pack", "5", "pack", 520),
    ("MORE-1", "One more hour", "top_up", "support_hours", "1 h", "hour", 120),
)
OTHERS = (
    ("ONSITE", "Visit on site", "travel", "", "", "visit", 65),
    ("KM", "Distance by car", "travel", "", "", "km", 1),
    ("SSD-1T", "Disk of 1 TB", "part", "", "", "piece", 89),
    ("SETUP", "Setting up a workplace", "one_off", "", "", "workplace", 240),
    ("HOTEL", "Night in a hotel", "expense", "", "", "night", 130),
)


OFFERED = ("SUB-12", "HOURS-4", "HOURS-20", "MORE-1")


def plan_prices(timeline: Timeline) -> None:
    """Plan the import of the price list by finance, and a sale at its price with a discount."""
    text = _file(timeline.today())
    timeline.plan(
        timeline.at(LISTED_DAYS_AGO, 9), "finance", lambda tx: import_price_list(tx, text), is_exclusive=True
    )
    timeline.plan(timeline.at(LISTED_DAYS_AGO, 10), "finance", _offer)
    sold_at = timeline.at(LISTED_DAYS_AGO - 1, 11)
    sell(
        timeline,
        "listed",
        "support_hours",
        f"item:{own_items()[SOLD_TO].number}",
        sold_at,
        minutes=1200,
        discount_percent="10",
    )


def _offer(tx: Transaction) -> None:
    """Offer some of the products to customers in the portal."""
    d = t.product.c
    for product_id in tx.connection.execute(select(d.id).where(d.code.in_(OFFERED))).scalars().all():
        change_product(tx, product_id, ChangeProduct(offered=True))


def _file(today: date) -> str:
    """The price list as a file: prices since last year, the current ones, and those of next year."""
    rows = [",".join(COLUMNS)]
    spans = (
        (90, date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
        (100, date(today.year, 1, 1), date(today.year, 12, 31)),
        (105, date(today.year, 12, 31) + timedelta(days=1), None),
    )
    for *about, euros in (*CONTRACTS, *OTHERS):
        for percent, first_on, last_on in spans:
            price = f"{int(euros) * percent // 100}.{int(euros) * percent % 100:02d}"
            rows.append(",".join([*map(str, about), "", CURRENCY, price, str(first_on), str(last_on or "")]))
    return "\n".join(rows)
