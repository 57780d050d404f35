"""Contracts as one use case works with them: each row is locked once and its grants are read once.

While a transaction has a contract's row locked, no other can move its balances: a posting, a hold or an
allocation refers to the contract, and PostgreSQL locks what is referred to. So what was read stays true as
long as the transaction's own changes are applied to it, which the methods here do. After a change made
elsewhere, `forget` makes the next use read again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from engine.amendments import Amendment
from engine.approvals import OverageTerms
from engine.contracts import METERED, Borrow, CarryOver, Contract, Draws, Holder, Limits
from engine.ledger import GRANT_ACCOUNTS, LedgerTransaction, Posting, move
from engine.payers import Slice
from engine.quantities import Rounding
from workflows.core.transaction import Transaction
from workflows.ledger.journal import record
from workflows.lifecycle.contracts.amendments import (
    amendments_of,
    has_other_terms,
    past_holders_of,
    row_as_of,
)
from workflows.lifecycle.contracts.drawable_grants import OtherGrants, is_followed, read_drawable_grants
from workflows.lifecycle.contracts.grants import (
    OpenTotals,
    StoredGrant,
    expire_grants,
    grants_by_contract,
    limits_at,
    open_totals,
)
from workflows.lifecycle.contracts.limits import overage_terms
from workflows.lifecycle.contracts.month_allocation import borrow_of, carry_over_of
from workflows.lifecycle.contracts.rows import contract_value, lock_contracts, read_contracts
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version

LATE_WORK = "Worked before the grant expired, logged afterwards"


class LoadedContracts:
    """The contracts that one use case has read, by id.

    A writing transaction locks them. One that only begins to write later has to load them again, as they were
    read unlocked.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._loaded: dict[str, LoadedContract] = {}
        self.guarded: dict[str, OverageTerms] = {}
        """Those that ask, or give notice, before work past what they pay, with their terms."""
        self.drawn: list[DrawnEntry] = []
        """What was drawn for entries while any of these is guarded."""

    def load(self, contract_ids: Iterable[str]) -> "list[LoadedContract]":
        """The contracts, in the order given; those not loaded yet are locked in the order of their ids.

        Raises: NotFound.
        """
        wanted = list(contract_ids)
        missing = sorted(set(wanted) - set(self._loaded))
        for row in self._rows(missing):
            self._loaded[row.id] = LoadedContract(self, row)
            policy = row.overage or self._tx.settings.overage
            if policy != "go_on":
                self.guarded[row.id] = overage_terms(self._tx.settings, row)
        return [self[one] for one in wanted]

    def __getitem__(self, contract_id: str) -> "LoadedContract":
        """One contract, loaded where it is not yet. Raises: NotFound."""
        found = self._loaded.get(contract_id)
        return found if found is not None else self.load([contract_id])[0]

    @property
    def ids(self) -> set[str]:
        """The ids of the contracts that have been read."""
        return set(self._loaded)

    def forget(self) -> None:
        """Read everything again at its next use."""
        self._loaded.clear()

    def read_grants(self) -> None:
        """Read the grants of every loaded contract whose grants are not known, in one statement."""
        unread = [one for one in self._loaded.values() if one.known_grants is None]
        grants = grants_by_contract(self._tx, [one.id for one in unread])
        for one in unread:
            one.known_grants = grants.get(one.id, [])

    def read_drawable_grants(
        self, started_at: datetime, ended_at: datetime | None, chargeable_minutes: int
    ) -> None:
        """Read the grants that one entry can concern, of every loaded contract whose grants are not known."""
        unread = [one for one in self._loaded.values() if one.known_grants is None and one.may_read_some]
        if not unread:
            return
        found = read_drawable_grants(
            self._tx,
            [one.id for one in unread],
            started_at=started_at,
            ended_at=ended_at,
            chargeable_minutes=chargeable_minutes,
        )
        for one in unread:
            one.known_grants, one.others = found.get(one.id, ([], None))

    def _rows(self, contract_ids: Sequence[str]) -> Sequence[Any]:
        if not contract_ids:
            return []
        if self._tx.writes:
            return lock_contracts(self._tx, contract_ids)
        return read_contracts(self._tx, contract_ids)


class DrawnEntry(NamedTuple):
    """The slices of an entry before and after it was drawn again; `row` as the draw-down reads it.

    `row` is None for an entry that no longer counts.
    """

    entry: str
    row: Any
    before: Sequence[Slice]
    after: Sequence[Slice]


@dataclass(slots=True, init=False)
class LoadedContract:
    """A contract with its stored state and grants, as they are after the transaction's own changes."""

    contract: Contract
    draws: Draws
    state: str
    activated_at: datetime | None
    next_due_at: datetime | None
    monthly_minutes: int | None
    carry_over: CarryOver | None
    borrow: Borrow | None
    rounding: Rounding | None
    """Its own; None if that of the settings holds."""
    rate_card: str | None
    currency: str | None
    """That of its amounts, and of its grants of money."""
    amends_at: datetime | None
    alerted_percent: int | None
    known_grants: list[StoredGrant] | None
    others: OtherGrants | None
    """What the grants that are not among the known ones add up to; None if all are known."""
    group: LoadedContracts
    _row: Any
    _amendments: list[Amendment] | None
    _past_holders: tuple[tuple[datetime, Holder], ...] | None

    def __init__(self, group: LoadedContracts, row: Any) -> None:
        self.contract = contract_value(row)
        self.draws, self.state, self.monthly_minutes = row.draws, row.state, row.monthly_minutes
        self.activated_at, self.next_due_at = row.activated_at, row.next_due_at
        self.rounding = Rounding(**row.rounding) if row.rounding else None
        self.rate_card, self.currency = row.rate_card, row.currency
        self.carry_over, self.borrow = carry_over_of(row), borrow_of(row)
        self.amends_at, self._row = row.amends_at, row
        self._amendments, self._past_holders = None, None
        self.alerted_percent = row.alerted_percent
        self.known_grants, self.others, self.group = None, None, group

    def terms_at(self, tx: Transaction, at: datetime) -> Contract:
        """The contract with the terms and the holder that it had at an instant (aware UTC)."""
        if not has_other_terms(self._row, at):
            return self.contract
        if self._amendments is None:
            self._amendments = amendments_of(tx, [self.id]).get(self.id, [])
        return contract_value(row_as_of(self._row, self._amendments, at))

    def past_holders(self, tx: Transaction) -> tuple[tuple[datetime, Holder], ...]:
        """Who held it before its holder, each until an instant (exclusive), in the order of time."""
        if self._row.held_since is None:
            return ()
        if self._past_holders is None:
            self._past_holders = past_holders_of(tx, self.id)
        return self._past_holders

    def holders_since(self, tx: Transaction, at: datetime) -> set[Holder]:
        """Its holder, and those who held it at or after an instant (aware UTC)."""
        return {self.contract.holder, *(one for until, one in self.past_holders(tx) if until >= at)}

    @property
    def id(self) -> str:
        return self.contract.id

    @property
    def may_read_some(self) -> bool:
        """Whether a part of its grants is enough for an entry.

        A per-request contract pays from before its start, so all of its grants may. Of a cancelled one, the
        database does not have the grants' agreed ends, by which they are drawn. What an entry takes of money
        depends on its rates, which the statement does not have. A month may draw on the next.
        """
        if self.draws == "money" or self.has_month_rules or self.contract.cancelled_at is not None:
            return False
        return self.contract.holder.kind != "service_request"

    @property
    def has_month_rules(self) -> bool:
        """Whether its months keep a rest or draw ahead."""
        return self.carry_over is not None or self.borrow is not None

    @property
    def grants(self) -> list[StoredGrant]:
        """All grants with their balances, oldest first; read at the first use."""
        if self.others is not None and self.others.count:
            self.forget_grants()
        return self.drawable_grants

    @property
    def drawable_grants(self) -> list[StoredGrant]:
        """The grants that were read for an entry, or all of them."""
        if self.known_grants is None:
            self.group.read_grants()
        return self.known_grants or []

    def limits_at(self, at: datetime) -> Limits:
        """What can still be drawn of all grants at `at`."""
        others = self.others
        if others is None or others.at != at:
            return limits_at(self.grants, at)
        known = limits_at(self.drawable_grants, at)
        return Limits(
            known.minutes_available + others.limits.minutes_available,
            known.incidents_available + others.limits.incidents_available,
            known.incidents_held + others.limits.incidents_held,
            known.money_available,
        )

    def open_totals(self, at: datetime) -> OpenTotals:
        """What the grants that are open at `at` were bought with, and have left."""
        others = self.others
        if others is None or others.at != at:
            return open_totals(self.grants, at)
        known = open_totals(self.drawable_grants, at)
        return OpenTotals(
            known.purchased + others.open_totals.purchased, known.available + others.open_totals.available
        )

    def next_edge_after(self, at: datetime) -> datetime | None:
        """The first instant after `at` at which a grant opens or closes."""
        if self.others is not None and self.others.at == at:
            return self.others.next_edge_at
        edges = [edge for one in self.grants for edge in (one.opens_at, one.closes_at)]
        return min((edge for edge in edges if edge is not None and edge > at), default=None)

    def is_followed(self, tx: Transaction, at: datetime) -> bool:
        """Whether anything is posted on it after `at`, which work at `at` may move."""
        if self.others is not None:
            return self.others.is_followed
        return self.draws in METERED and is_followed(tx, [self.id], at)

    def forget_grants(self) -> None:
        """Read the grants again at their next use: for changes that were not made through this object."""
        self.known_grants = self.others = None

    def record(
        self,
        tx: Transaction,
        entry: LedgerTransaction,
        *,
        service_request_id: str | None = None,
        allocation: Mapping[str, Any] | None = None,
    ) -> str:
        """Append a transaction that moves this contract's grants. Returns its id. Raises: IntegrityError.

        `allocation` as for `journal.record`.
        """
        transaction_id = record(
            tx,
            entry,
            contract_id=self.id,
            service_request_id=service_request_id,
            allocation=allocation,
        )
        if self.known_grants is not None:
            self.known_grants = [_moved(one, entry.postings) for one in self.known_grants]
        if self.others is not None and not _moves_only(self.known_grants or (), entry.postings):
            self.forget_grants()
        return transaction_id

    def expire(self, tx: Transaction, at: datetime, *, for_good: bool = False) -> None:
        """Post what is left in grants whose span is over as expired; `for_good`: also of later grants.

        Raises: IntegrityError.
        """
        is_enough = self.others is not None and self.others.at == at and not for_good
        grants = self.drawable_grants if is_enough else self.grants
        self.known_grants = expire_grants(tx, self.id, at, grants=grants, for_good=for_good)

    def restore(
        self, tx: Transaction, grant_id: str, quantity: int, *, cause: str, why: str = LATE_WORK
    ) -> None:
        """Make what has expired available again, so that work before the grant's end can draw `quantity`.

        Whole minutes, or minor units of a grant of money.
        """
        stored = next(one for one in self.drawable_grants if one.grant.id == grant_id)
        missing = quantity - stored.grant.available
        if missing <= 0 or stored.closes_at is None:
            return
        unit = stored.grant.posting_unit
        restored = move(unit, missing, (grant_id, "expired"), (grant_id, "available"))
        self.record(tx, LedgerTransaction("restore", stored.closes_at, restored, cause=cause, why=why))

    def change(self, tx: Transaction, **columns: Any) -> None:
        """Store new values of `state`, `activated_at`, `next_due_at` or `alerted_percent`."""
        changed = {name: value for name, value in columns.items() if getattr(self, name) != value}
        if not changed:
            return
        for name, value in changed.items():
            setattr(self, name, value)
        if "state" in changed:
            changed["version"] = next_version(t.contract)
        tx.change(t.contract, self.id, **changed)


def load_contract(tx: Transaction, contract_id: str) -> LoadedContract:
    """One contract, locked where the transaction writes. Raises: NotFound."""
    return LoadedContracts(tx)[contract_id]


def _moves_only(grants: Iterable[StoredGrant], postings: Iterable[Posting]) -> bool:
    owners = {posting.owner for posting in postings if posting.account in GRANT_ACCOUNTS}
    return owners <= {one.grant.id for one in grants}


def _moved(stored: StoredGrant, postings: Iterable[Posting]) -> StoredGrant:
    """A grant with its balances after postings."""
    moved = dict.fromkeys(GRANT_ACCOUNTS, 0)
    for posting in postings:
        if posting.owner == stored.grant.id and posting.account in moved:
            moved[posting.account] += posting.amount
    if not any(moved.values()):
        return stored
    grant = stored.grant
    return replace(
        stored,
        grant=replace(grant, available=grant.available + moved["available"], held=grant.held + moved["held"]),
        consumed=stored.consumed + moved["consumed"],
        expired=stored.expired + moved["expired"],
    )
