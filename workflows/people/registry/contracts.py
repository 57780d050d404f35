"""Contracts that the customer, their items or their service requests hold, and the ledger's rows of them."""

from sqlalchemy import ColumnElement, literal, or_

from workflows.people.kinds import Kind, NotTheirs, Theirs
from workflows.people.person import Person
from workflows.people.registry.of_customer import (
    contracts,
    held_by,
    is_posted_for,
    items,
    requests,
    through,
    transactions,
)
from workflows.store import tables as t

NO_HOLDER = "Checkpoints of the whole ledger: ids of chains, numbers and hashes."


def _carries_for(person: Person) -> ColumnElement[bool]:
    """A holder is stored with its kind: `customer:ID`, `item:ID`."""
    holder = t.carried_balance.c.holder
    by_item = items(person).with_only_columns(literal("item:") + t.item.c.id)
    by_request = requests(person).with_only_columns(literal("service_request:") + t.service_request.c.id)
    return or_(holder == f"customer:{person.id}", holder.in_(by_item), holder.in_(by_request))


CONTRACTS: tuple[Theirs | NotTheirs, ...] = (
    Theirs(
        t.contract,
        held_by(t.contract),
        {"cancel_reason": Kind.TEXT, "created_by": Kind.STAFF},
        "number type draws holder_kind time_zone state currency time_expired sla exclusions rounding "
        "rate_card auto_top_up carry_over borrow price_source discount_percent overage not_to_exceed",
    ),
    Theirs(
        t.contract_amendment,
        through(t.contract_amendment.c.contract_id, contracts),
        # terms; of a transfer, the ids of the holders before and after
        {
            "before": Kind.REFERENCE,
            "after": Kind.REFERENCE,
            "reason": Kind.TEXT,
            "created_by": Kind.STAFF,
        },
        "kind",
    ),
    Theirs(t.contract_past_holder, held_by(t.contract_past_holder), plain="holder_kind"),
    Theirs(t.contract_lapse, through(t.contract_lapse.c.contract_id, contracts)),
    Theirs(
        t.contract_grant,
        through(t.contract_grant.c.contract_id, contracts),
        {"reason": Kind.TEXT, "created_by": Kind.STAFF},
        "unit currency kind scope",
    ),
    Theirs(t.grant_balance, through(t.grant_balance.c.contract_id, contracts), plain="unit currency"),
    Theirs(
        t.auto_top_up,
        through(t.auto_top_up.c.contract_id, contracts),
        {"reason": Kind.TEXT, "decided_by": Kind.STAFF},
        "month state unit currency scope",
    ),
    Theirs(t.carried_balance, _carries_for, plain="holder"),
    Theirs(
        t.ledger_transaction,
        is_posted_for,
        # neither is hashed (engine.hash_chain): they may be replaced
        {"actor": Kind.STAFF, "why": Kind.TEXT},
        "id kind cause job idempotency_key reverses_id chain_id hash",
    ),
    Theirs(
        t.ledger_posting,
        through(t.ledger_posting.c.transaction_id, transactions),
        plain="transaction_id owner account unit",
    ),
    Theirs(
        t.ledger_adjustment,
        through(t.ledger_adjustment.c.transaction_id, transactions),
        plain="transaction_id",
    ),
    Theirs(
        t.ledger_chain,
        lambda person: or_(t.ledger_chain.c.id == person.id, t.ledger_chain.c.id.in_(contracts(person))),
        plain="id hash",
    ),
    NotTheirs(t.ledger_checkpoint, NO_HOLDER),
    NotTheirs(t.ledger_checkpoint_head, NO_HOLDER),
    NotTheirs(t.accounting_period, "Closed months of the provider."),
)
