"""Top-ups that await their payment: sold first, and added once their invoice is processed.

Source: product.md sections 5 (top up) and 10.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from engine.contracts import Contract, Unit, amount_text
from engine.periods import local_date
from workflows.commands.contracts import TopUp
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_and_cover
from workflows.lifecycle.contracts.loaded import load_contract
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.contracts.sold_items import add_sold_item, payer_of
from workflows.store import tables as t
from workflows.store.ids import new_id


def has_to_be_paid(tx: Transaction, contract: Contract, price_minor: int | None) -> bool:
    """Whether a top-up at a price is added only once its invoice is paid and processed."""
    settings = tx.settings
    is_awaited = bool(price_minor) and settings.payment_required and settings.invoicing
    return is_awaited and payer_of(tx, contract.holder) is not None


def sell_awaited(tx: Transaction, row: Row[Any], top_up_id: str, price_minor: int | None) -> None:
    """Sell a top-up whose grant is added once its invoice is processed."""
    holder = contract_value(row).holder
    currency = tx.settings.currency
    add_sold_item(tx, "top_up", row.id, holder, price_minor, currency, top_up_id=top_up_id)


def await_payment(
    tx: Transaction,
    row: Row[Any],
    command: TopUp,
    *,
    unit: Unit,
    quantity: int,
    price_minor: int | None,
    due_at: datetime,
    scope: Any,
) -> None:
    """Sell a top-up by hand; its grant holds from `due_at` (aware UTC) on, once its invoice is processed.

    `quantity` is in `unit`: whole minutes, incidents or minor units.
    """
    settle_and_cover(tx, row.id)
    loaded, top_up_id = load_contract(tx, row.id), new_id()
    tx.add(
        t.auto_top_up,
        id=top_up_id,
        contract_id=row.id,
        grants_opened=None,
        month=f"{local_date(tx.now, loaded.contract.zone):%Y-%m}",
        state="draft",
        unit=unit,
        quantity=quantity,
        available=loaded.open_totals(tx.now).available,
        price_minor=price_minor,
        currency=tx.settings.currency,
        due_at=due_at,
        created_at=tx.now,
        expires_at=command.expires_at,
        priority=command.priority,
        scope=scope,
        decided_at=tx.now,
        decided_by=tx.actor.name,
        reason=command.reason or None,
    )
    sell_awaited(tx, row, top_up_id, price_minor)
    tx.audit(
        "contract",
        row.id,
        "top-up sold",
        quantity=amount_text(quantity, unit, row.currency),
        price_minor=price_minor,
        reason=command.reason or None,
    )
