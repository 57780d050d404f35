"""What is stored of a history, and what must hold of it at each step."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import select

from engine.payers import Slice
from engine.quantities import RoundingScope
from tests.support.draw_down_model import Model, ModelContract, ModelEntry, ModelGrant, ModelSegment, Result
from tests.support.sample_desk import SampleDesk
from workflows.contracts.queries import read_contract
from workflows.store import tables as t

DAY = timedelta(days=1)
INCREMENT = 15
MINOR_PER_MINUTE = 10
"""A rate by which each minute has a whole price, so that minutes can be paid one by one."""

Taken = dict[tuple[str, str, str, str | None], int]
"""Minutes by entry, kind of allocation, contract and grant."""


class StoredHistory(RuleBasedStateMachine):
    """The contracts and the work of one customer as they are stored, compared with the model of them."""

    sample: SampleDesk
    numbers: Iterator[int]
    scope: RoundingScope
    increments: list[tuple[datetime, int]]
    """To how many minutes work is rounded up, since when."""
    contracts: list[str]
    requests: list[str]
    entries: list[str]

    @property
    def now(self) -> datetime:
        return self.sample.clock.now()

    def check(self) -> None:
        views = {one: self.sample.see(read_contract, one) for one in self.contracts}
        model = self._model()
        expected = model.result(self.now)
        assert self.taken() == expected.taken
        for request in self.requests:
            rows = self.sample.entries(request)
            self._check_rounding([row for row in rows if row.deleted_at is None and row.state != "rejected"])
        states = {self.sample.rows(t.work_entry, id=one)[0].state for one in self.entries}
        for contract_id, view in views.items():
            self._check_held(view, states)
            self._check_contract(model.contracts[contract_id], expected, view, self.now)
            for days in (1, 4, 15):
                at = self.now - days * DAY
                past = self.sample.see(read_contract, contract_id, as_of=at)
                self._check_contract(model.contracts[contract_id], expected, past, at)

    def _check_held(self, view: Any, states: set[str]) -> None:
        """Minutes are held for submitted entries alone, and nothing else is drawn for these."""
        if "submitted" not in states:
            assert view.balance.minutes.held == view.pending_minutes == 0
        if "approved" not in states:
            assert view.balance.minutes.drawn == 0

    def _check_rounding(self, rows: list[Any]) -> None:
        """Each entry has what the rounded sum of those that are rounded together grows by."""
        sums: dict[Any, int] = {}
        for row in sorted(rows, key=lambda row: (row.started_at, row.created_at, row.id)):
            zone = ZoneInfo(row.charged_by["time_zone"])
            day = row.started_at.astimezone(zone).date()
            group = {"entry": row.id, "service_request_day": day, "service_request": ""}[self.scope]
            before = sums.get(group, 0)
            sums[group] = before + row.worked_minutes
            rounded = sum(one["rounded_minutes"] for one in row.segments or ())
            increment = self._increment_at(row.started_at)
            expected = -(sums[group] // -increment) - -(before // -increment)
            assert (rounded if row.segments else row.chargeable_minutes) == expected * increment

    def _increment_at(self, worked_at: datetime) -> int:
        """The increment that held when work was done; before the desk's first entry, that of then."""
        first = select(t.work_entry.c.created_at).order_by(t.work_entry.c.id).limit(1)
        recorded_at = self.sample.see(lambda tx: tx.connection.execute(first).scalar_one())
        held = [one for since, one in self.increments if since <= max(worked_at, recorded_at)]
        return held[-1] if held else self.increments[0][1]

    def _check_contract(self, contract: ModelContract, expected: Result, view: Any, at: datetime) -> None:
        available = usable = 0
        for grant in contract.grants:
            drawn = sum(amount for one, when, amount in expected.drawn if one == grant.id and when <= at)
            withdrawn = sum(minutes for when, minutes in grant.withdrawals if when <= at)
            granted = grant.minutes if grant.rest_of is None else expected.rests.get(grant.id, 0)
            left = granted - drawn - withdrawn
            if contract.covers(at) and grant.is_open(at):
                usable += left
            if grant.granted_at <= at and not contract.has_ended(grant, at):
                available += left
        assert view.balance.of(view.draws).available == available, (contract, at)
        assert view.state == _state(contract, usable, at), (contract, at)
        theirs = contract.holder_at(at)
        carried = sum(1 for holder, when in expected.carried if holder == theirs and when <= at)
        carried -= sum(1 for holder, when in expected.carried_drawn if holder == theirs and when <= at)
        assert view.carried_minutes == carried, (contract, at)

    def _model(self) -> Model:
        """The facts as they are stored: dates and amounts, none of what was drawn."""
        model = Model()
        for contract_id in self.contracts:
            row = self.sample.contract(contract_id)
            model.contracts[contract_id] = ModelContract(
                id=row.id,
                holder=f"{row.holder_kind}:{row.holder_id}",
                sold_at=row.created_at,
                starts_at=row.starts_at,
                ends_at=row.expires_at,
                by_month=row.monthly_minutes is not None,
                policy=row.time_expired or "rollover",
                grants=self._grants(row),
                cancelled_at=row.cancelled_at,
                lends=self._lends(row),
                past_holders=self._past_terms(row.id, "holder_kind", "holder_id"),
                past_policies=self._past_terms(row.id, "time_expired", default="rollover"),
                minor_per_minute=MINOR_PER_MINUTE if row.draws == "money" else 0,
            )
        for entry_id in self.entries:
            [row] = self.sample.rows(t.work_entry, id=entry_id)
            terms = row.charged_by
            if terms["contract"] is not None and row.state != "rejected":
                model.entries[entry_id] = ModelEntry(
                    row.id,
                    row.started_at,
                    row.created_at,
                    _segments(row),
                    terms["contract"],
                    terms["cascade"],
                )
        return model

    def _past_terms(self, contract_id: str, *names: str, default: str = "") -> list[tuple[datetime, str]]:
        """The terms before each amendment of them; of two at one instant the last counts."""
        amendments = [
            one
            for one in self.sample.rows(t.contract_amendment, contract_id=contract_id)
            if names[0] in one.after
        ]
        found: dict[datetime, str] = {}
        for one in sorted(amendments, key=lambda one: (one.effective_at, one.id)):
            earlier = [other for other in amendments if other.effective_at < one.effective_at]
            last = max(earlier, key=lambda other: (other.effective_at, other.id), default=None)
            first = min(amendments, key=lambda other: other.id)
            terms = last.after if last is not None else first.before
            found[one.effective_at] = ":".join(terms[name] or default for name in names)
        return [*found.items()]

    def _grants(self, contract: Any) -> list[ModelGrant]:
        rows = self.sample.rows(t.contract_grant, contract_id=contract.id)
        withdrawals = self.sample.rows(t.ledger_transaction, contract_id=contract.id, kind="withdraw")
        withdrawn_by = {one.id for one in withdrawals}
        # of a month that was closed then, and may be open now
        belongs_at = {one.transaction_id: one.belongs_at for one in self.sample.rows(t.ledger_adjustment)}
        found = []
        for row in rows:
            legs = self.sample.rows(t.ledger_posting, owner=row.id, account="sold")
            taken_back = [
                (belongs_at.get(leg.transaction_id, leg.effective_at), leg.amount)
                for leg in legs
                if leg.transaction_id in withdrawn_by
            ]
            found.append(
                ModelGrant(
                    row.id,
                    row.quantity,
                    row.effective_at or contract.starts_at,
                    row.expires_at,
                    row.effective_at or min(contract.starts_at, contract.created_at),
                    sum(minutes for _, minutes in taken_back),
                    taken_back,
                    row.priority,
                    row.kind == "allocation" and row.rest_of_id is None,
                    row.rest_of_id,
                )
            )
        return found

    def _lends(self, contract: Any) -> dict[str, int]:
        """How much of each month may be drawn ahead: none of those after the contract's end."""
        if contract.borrow is None:
            return {}
        rows = self.sample.rows(t.contract_grant, contract_id=contract.id, kind="allocation")
        minutes, percent = contract.borrow["cap_minutes"], contract.borrow["cap_percent"]
        return {
            row.id: minutes if minutes is not None else row.quantity * percent // 100
            for row in rows
            if row.rest_of_id is None and row.effective_at < contract.expires_at
        }

    def taken(self) -> Taken:
        found: Taken = {}
        for entry_id in self.entries:
            for row in self.sample.rows(t.work_allocation, work_entry_id=entry_id):
                if row.reversed_at is None and row.contract_id is not None:
                    key = (entry_id, row.kind, row.contract_id, row.grant_id)
                    found[key] = found.get(key, 0) + row.minutes
        return found


def _segments(row: Any) -> list[ModelSegment]:
    if row.segments is None:
        return [ModelSegment(row.started_at, row.ended_at, row.chargeable_minutes)]
    return [
        ModelSegment(
            datetime.fromisoformat(one["start"]),
            datetime.fromisoformat(one["end"]) if one["end"] else None,
            one["chargeable_minutes"],
        )
        for one in row.segments
    ]


def minutes_of(slices: Mapping[str, Sequence[Slice]]) -> Taken:
    found: Taken = {}
    for entry, pieces in slices.items():
        for piece in pieces:
            if piece.contract is not None:
                key = (entry, piece.kind, piece.contract, piece.grant)
                found[key] = found.get(key, 0) + piece.minutes
    return found


def _state(contract: ModelContract, usable: int, at: datetime) -> str:
    if contract.cancelled_at is not None and contract.cancelled_at <= at:
        return "cancelled"
    if contract.ends_at is not None and contract.ends_at <= at:
        return "expired"
    if contract.starts_at > at:
        return "pending"
    return "active" if usable or contract.by_month else "exhausted"
