"""Replay of the stored history through other rules: which decisions, minutes and money would differ.

It reads in batches and writes nothing, so it does not disturb a desk in use. What was decided and drawn is
compared with what would be; `engine.replay` and `engine.replay_work` describe how far consequences are
followed. Source: product.md section 14.
"""

import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple

from sqlalchemy import Row, select

from engine.coverage import find_match
from engine.replay import Drawn, RecordedDecision, Replay, Result
from engine.replay_work import GRANT, Effect, Payment, SimulatedBalances, Worked
from engine.rulebook import RuleSet
from workflows.core.actors import SYSTEM, Actor
from workflows.core.config import Config
from workflows.core.desk import Desk
from workflows.core.errors import invalid
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.core.transaction_mode import Mode, TransactionState
from workflows.coverage.decision_stream import count_decisions, decision_batches
from workflows.coverage.snapshot import candidates_from, facts_from
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.payers import CASCADE_DEPTH
from workflows.replay.history import ContractTerms, WorkUnder, created_by_rules
from workflows.replay.invoices import Invoiced, Made
from workflows.replay.totals import Totals
from workflows.rule_sets.publishing import load_publishable
from workflows.store import tables as t
from workflows.store.planner import read_by_index
from workflows.views import MoneyView
from workflows.views.replays import Change, DifferenceView, ResultView, SummaryView

Progress = Callable[[int, int], None]
DECISIONS_BETWEEN_PAUSES = 10
SMALL_BATCH = 200
BATCH_PRICED = 500
MOST_BYTES_IN_MEMORY = 16 * 1024 * 1024
"""Differences waiting to be priced are spooled to disk beyond this size."""

d, r = t.coverage_decision, t.service_request
WANTED = select(
    d.c.id, d.c.service_request_id, d.c.decided_at, d.c.cause, d.c.outcome, d.c.rule, d.c.contract_id,
    d.c.facts, d.c.candidates, d.c.params, r.c.number, r.c.state, r.c.priority, r.c.channel,
    r.c.worked_minutes,
).outerjoin(r, r.c.id == d.c.service_request_id)  # fmt: skip


class _Differs(NamedTuple):
    """A decision that would differ, before its work is priced.

    `next_payers` are contracts of a cascade; `made` is the contract that the recorded decision created.
    """

    decision: str
    service_request: str | None
    number: str | None
    decided_at: datetime
    cause: str
    changes: list[Change]
    before: Result
    after: Result
    work: list[Worked]
    next_payers: list[str]
    made: str | None


def load_for_replay(tx: Transaction, files: Mapping[str, str], from_: datetime, to: datetime) -> RuleSet:
    """Check and load the rules of a replay over [from_, to).

    Raises:
        NotAllowed: the actor is no administrator.
        InvalidInput: `to` is not after `from_`.
        RuleSetRefused: the rule set could not be published.
    """
    tx.require("administrator")
    if from_ >= to:
        raise invalid("/to", gettext("The end must be after the start."), gettext("Give a later end."))
    return load_publishable(tx, files)


def replay(
    desk: Desk,
    rules: RuleSet,
    from_: datetime,
    to: datetime,
    on_difference: Callable[[DifferenceView], None],
    *,
    actor: Actor = SYSTEM,
    progress: Progress | None = None,
    pause_seconds: float = 0.0,
) -> SummaryView:
    """Make every decision of [from_, to) again by `rules`; `on_difference` gets each one that would differ.

    `progress` gets the number of decisions done and in total. With `pause_seconds` it pauses every few
    decisions, so that requests in the same process are still served. Returns the totals: whole minutes and
    money in minor units. Instants are aware UTC.

    Source: product.md section 14.
    """
    config = desk.refresh()
    totals = Totals()
    balances = SimulatedBalances()
    total = count_decisions(desk, from_, to) if progress is not None else 0
    with SpooledTemporaryFile(max_size=MOST_BYTES_IN_MEMORY) as spool:
        deciding = _Deciding(rules, totals)
        batch = SMALL_BATCH if pause_seconds else None
        for rows in decision_batches(desk, from_, to, wanted=WANTED, batch=batch):
            with _reading(desk, actor, config) as tx:
                work, created = deciding.read(tx, rows)
            for one in deciding.batch(rows, work, created, pause_seconds):
                balances.give_back(one.work)
                pickle.dump(one, spool)
            if progress is not None:
                progress(totals.decisions, max(total, totals.decisions))
        spool.seek(0)
        pricing = _Pricing(config.settings, balances, rules)
        for found in _read_back(spool):
            with _reading(desk, actor, config) as tx:
                differences = pricing.batch(tx, found)
            for difference in differences:
                totals.add(difference)
                on_difference(difference)
    return totals.view()


@contextmanager
def _reading(desk: Desk, actor: Actor, config: Config) -> Iterator[Transaction]:
    """A short read transaction; `config` keeps settings and rules the same for the whole replay."""
    with read_by_index(desk.database) as connection:
        now = desk.now()
        state = TransactionState(connection, Mode.READ_ONLY, desk.database)
        yield Transaction(state, now, now, desk.clock.now(), actor, config, desk)


class _Deciding:
    """Makes the decisions again, one after the other."""

    def __init__(self, rules: RuleSet, totals: Totals) -> None:
        self._rules = rules
        self._totals = totals
        self._replay = Replay(rules)

    def read(self, tx: Transaction, rows: list[Row[Any]]) -> tuple[WorkUnder, frozenset[str]]:
        """The work under some decisions, and which of their candidates were created by a rule."""
        worked_on = {row.service_request_id: row for row in rows if row.worked_minutes}
        return WorkUnder(tx, worked_on, self._rules), created_by_rules(tx, _own_contracts(rows))

    def batch(
        self, rows: list[Row[Any]], work: WorkUnder, created: frozenset[str], pause_seconds: float
    ) -> Iterator[_Differs]:
        """The decisions among `rows` that would differ, in the same order."""
        for number, row in enumerate(rows):
            if pause_seconds and number % DECISIONS_BETWEEN_PAUSES == 0:
                time.sleep(pause_seconds)
            differs = self._decide(row, work, created)
            if differs is not None:
                yield differs

    def _decide(self, row: Row[Any], work: WorkUnder, created: frozenset[str]) -> _Differs | None:
        stored = _stored_decision(row)
        result = self._replay.decide(stored, created)
        self._totals.decisions += 1
        entries = work.of(row.id, row.service_request_id)
        changes = _changes(stored.result, result, entries)
        if not changes:
            self._totals.by_another_rule += result.rule != stored.result.rule
            return None
        self._replay.book_work(self._drawn(stored, result, entries))
        follows = any(entry.cascade or _passes_on(entry) for entry in entries)
        next_payers = self._cascade(stored, result) if entries and follows else []
        return _Differs(
            row.id,
            row.service_request_id,
            row.number,
            row.decided_at,
            row.cause,
            changes,
            stored.result,
            result,
            entries,
            next_payers,
            row.contract_id if row.outcome == "created" else None,
        )

    def _drawn(self, stored: RecordedDecision, result: Result, entries: Iterable[Worked]) -> Iterator[Drawn]:
        """What moved work returns to its grants, and what it would draw instead."""
        draws = self._replay.draws(result, stored) if result.covers else "nothing"
        for entry in entries:
            for one in entry.allocated:
                if one.kind == GRANT and one.contract is not None:
                    is_money = one.amount_minor is not None
                    yield Drawn(
                        entry.started_at,
                        one.contract,
                        0 if is_money else -one.minutes,
                        -one.drawn if is_money else 0,
                    )
            if result.contract is None:
                continue
            if draws == "minutes":
                yield Drawn(entry.started_at, result.contract, entry.charged_minutes)
            elif draws == "money":
                yield Drawn(entry.started_at, result.contract, 0, entry.price_after_minor)

    def _cascade(self, stored: RecordedDecision, result: Result) -> list[str]:
        """The contracts that a cascade would take next, in search order."""
        candidates = [one for one in stored.candidates if one.contract.id != result.contract]
        payers: list[str] = []
        while candidates and result.contract is not None and len(payers) < CASCADE_DEPTH:
            _, match = find_match(stored.facts, candidates, self._rules)
            if match.action != "cover_with" or match.candidate is None:
                break
            taken = match.candidate.contract
            payers.append(taken)
            candidates = [one for one in candidates if one.contract.id != taken]
        return payers


class _Pricing:
    """Prices the differences, after all moved work has been returned to its grants."""

    def __init__(self, settings: Settings, balances: SimulatedBalances, rules: RuleSet) -> None:
        self._settings = settings
        self._balances = balances
        self._terms = ContractTerms()
        self._invoiced = Invoiced(rules)

    def batch(self, tx: Transaction, found: list[_Differs]) -> list[DifferenceView]:
        """The differences with their minutes and money."""
        self._terms.load(tx, _contracts_of(found))
        self._invoiced.load(
            tx, [entry.id for one in found for entry in one.work], [one.made for one in found if one.made]
        )
        priced = [self._difference(tx, one) for one in found]
        self._terms.forget_old()
        return priced

    def _difference(self, tx: Transaction, one: _Differs) -> DifferenceView:
        effect = self._effect(one)
        overage_before = self._money(one.before, effect.overage_before_minor)
        overage_after = self._money(one.after, effect.overage_after_minor)
        return DifferenceView(
            decision=one.decision,
            service_request=one.service_request,
            number=one.number,
            decided_at=one.decided_at,
            cause=one.cause,
            changes=one.changes,
            before=_result_view(one.before),
            after=_result_view(one.after),
            worked_minutes=sum(entry.worked_minutes for entry in one.work),
            chargeable_before=sum(entry.chargeable_minutes for entry in one.work),
            chargeable_after=sum(entry.charged_minutes for entry in one.work),
            minutes_before=dict(effect.minutes_before),
            minutes_after=dict(effect.minutes_after),
            overage_before=overage_before,
            overage_after=overage_after,
            price_before=self._price(one, [entry.price_before_minor for entry in one.work]),
            price_after=self._price(one, [entry.price_after_minor for entry in one.work]),
            invoices=self._invoiced.changes(
                tx,
                [entry.id for entry in one.work],
                overage_before,
                overage_after,
                Made(one.service_request, one.decided_at, one.made, one.after),
            ),
        )

    def _effect(self, one: _Differs) -> Effect:
        if not one.work:
            return Effect({}, {}, 0, 0)
        rates: dict[str, int] = {}
        for contract in sorted(_contracts_of([one])):
            rate = self._terms[contract].overage_rate_minor
            if rate is not None:
                rates[contract] = rate
        return self._balances.pay(one.work, self._payment(one), rates)

    def _payment(self, one: _Differs) -> Payment:
        result = one.after
        if result.outcome == "uncovered":
            return Payment()
        if not result.covers:
            return Payment(is_worked=False)
        if result.contract is None:
            return Payment(is_covered=True)
        terms = self._terms[result.contract]
        others = [self._terms[contract].payer for contract in one.next_payers]
        # an incident pack does not pay for the rest of a request that another contract covers
        payers = (terms.payer, *(payer for payer in others if payer.draws != "incidents"))
        return Payment(payers, terms.time_expired)

    def _price(self, one: _Differs, prices_minor: Iterable[int]) -> MoneyView:
        """The price of the work by rate cards, which are in one currency at a time."""
        currency = next((entry.currency for entry in one.work if entry.currency is not None), None)
        return MoneyView(sum(prices_minor), currency or self._settings.currency)

    def _money(self, result: Result, amount_minor: int) -> MoneyView:
        currency = None
        if result.contract is not None:
            currency = self._terms[result.contract].currency
        return MoneyView(amount_minor, currency or self._settings.currency)


def _read_back(spool: IO[bytes]) -> Iterator[list[_Differs]]:
    """The spooled differences, in batches."""
    found: list[_Differs] = []
    while True:
        try:
            found.append(pickle.load(spool))
        except EOFError:
            break
        if len(found) == BATCH_PRICED:
            yield found
            found = []
    if found:
        yield found


def _stored_decision(row: Row[Any]) -> RecordedDecision:
    number, type_key = None, row.params.get("type")
    for one in row.candidates:
        if one["contract"] == row.contract_id:
            number, type_key = one["number"], one["type"]
    is_made = row.outcome == "created"
    facts = facts_from(row.facts)
    return RecordedDecision(
        id=row.id,
        service_request=row.service_request_id,
        cause=row.cause,
        facts=facts,
        candidates=candidates_from(row.candidates, facts.time_zone),
        result=Result(
            outcome=row.outcome,
            contract=None if is_made else row.contract_id,
            number=None if is_made else number,
            type=row.params.get("type") if is_made else type_key,
            rule=row.rule,
            params=row.params,
            was_logged=row.service_request_id is not None,
        ),
        is_cancelled=row.state == "cancelled",
    )


def _changes(before: Result, after: Result, entries: Iterable[Worked]) -> list[Change]:
    changes: list[Change] = []
    if before.outcome != after.outcome:
        changes.append("outcome")
    if before.contract != after.contract:
        changes.append("contract")
    if not changes and not after.same_decision_as(before):
        changes.append("terms")
    if not all(entry.is_charged_alike for entry in entries):
        changes.append("charge")
    return changes


def _passes_on(entry: Worked) -> bool:
    return any(one.excluded == "next_contract" for one in entry.segments)


def _own_contracts(rows: Iterable[Row[Any]]) -> list[str]:
    """The candidates whose holder is a service request: a rule may have created them."""
    return sorted(
        {one["contract"] for row in rows for one in row.candidates if one["holder_kind"] == "service_request"}
    )


def _contracts_of(found: Iterable[_Differs]) -> set[str]:
    named = {one.contract for each in found for one in (each.before, each.after)}
    drawn = {drawn.contract for each in found for entry in each.work for drawn in entry.allocated}
    later = {contract for each in found for contract in each.next_payers}
    return {contract for contract in named | drawn | later if contract is not None}


def _result_view(result: Result) -> ResultView:
    return ResultView(result.outcome, result.rule, result.contract, result.number, result.type)
