"""Import of several histories in one transaction: what they share is read and written once.

A commit waits for the disk, and a statement for each row costs more than the rule that made it. So an import
that is killed has each service request either completely or not at all, and the chunk that was interrupted
not at all: the next run continues there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.exc import DataError, IntegrityError

from workflows.core.transaction import Transaction
from workflows.importing.history import History
from workflows.importing.mapping import Mapping
from workflows.importing.pending_rows import PendingRows
from workflows.importing.prepared_reads import imported_requests, lock_source, numbers_in_use
from workflows.importing.register_lookup import Known, RegisterLookup
from workflows.importing.replaying_events import (
    HistoryOutcome,
    ReplayContext,
    StepRefused,
    replay_history,
    replay_step_by_step,
)

MOST_EVENTS = 100
"""How many events are imported by one transaction. Commits are a tenth of the time then, and others wait for
the import's locks for a tenth of a second at most, on a machine that has nothing else to do."""


@dataclass(slots=True)
class ChunkOutcome:
    """The outcomes of the histories in order, the new register records, and all that were found."""

    histories: list[HistoryOutcome] = field(default_factory=list)
    created: set[tuple[str, str]] = field(default_factory=set)
    known: Known = field(default_factory=dict)


def chunks_of(histories: Sequence[History], *, most_events: int) -> Iterator[list[History]]:
    """The histories in order, as many together as have `most_events` events, and at least one."""
    chunk: list[History] = []
    events = 0
    for history in histories:
        if chunk and events + len(history.events) > most_events:
            yield chunk
            chunk, events = [], 0
        chunk.append(history)
        events += len(history.events)
    if chunk:
        yield chunk


def replay_chunk(
    tx: Transaction, histories: Sequence[History], mapping: Mapping, committed: Known, *, is_careful: bool
) -> ChunkOutcome:
    """Import the events of histories that no earlier run has imported.

    `committed` are the records that earlier transactions of this import have found. A careful replay has a
    savepoint for each history, so that one with a refused step is rolled back and replayed without that step.
    Raises: StepRefused if one is refused and the replay is not careful; the transaction is then rolled back.
    """
    replay = begin_chunk(tx, histories, mapping, committed)
    outcome = ChunkOutcome()
    for history in histories:
        done = _carefully(replay, history) if is_careful else replay_history(replay, history)
        outcome.histories.append(done)
    try:
        replay.pending.write(replay.tx)
    except (IntegrityError, DataError) as refusal:
        raise StepRefused from refusal
    outcome.created, outcome.known = replay.registers.created, replay.registers.known
    return outcome


def begin_chunk(
    tx: Transaction, histories: Sequence[History], mapping: Mapping, committed: Known
) -> ReplayContext:
    """Lock the source, and read which of the histories it has."""
    tx = _without_webhooks(_with_coverage(tx, mapping))
    lock_source(tx, mapping.source)
    numbers = [history.number for history in histories]
    imported = imported_requests(tx, mapping.source, numbers)
    pending = PendingRows()
    return ReplayContext(
        tx=tx,
        mapping=mapping,
        registers=RegisterLookup(mapping, committed, pending),
        pending=pending,
        requests=imported,
        numbers_in_use=numbers_in_use(tx, [one for one in numbers if one not in imported]),
    )


def _carefully(replay: ReplayContext, history: History) -> HistoryOutcome:
    created = set(replay.registers.created)
    try:
        with replay.tx.connection.begin_nested():
            done = replay_history(replay, history)
            try:
                replay.pending.write(replay.tx)
            except (IntegrityError, DataError) as refusal:
                raise StepRefused from refusal
            return done
    except StepRefused:
        replay.registers.roll_back(created)
    done = replay_step_by_step(replay, history)
    replay.pending.write(replay.tx)
    return done


def _without_webhooks(tx: Transaction) -> Transaction:
    """The transaction in which no receiver hears of what happens, which is past."""
    return replace(tx, config=replace(tx.config, subscriptions=())) if tx.config.subscriptions else tx


def _with_coverage(tx: Transaction, mapping: Mapping) -> Transaction:
    """The transaction in which coverage is searched, and draws, as the mapping says."""
    if not tx.settings.contracts:
        return tx
    if mapping.coverage == "before_contracts":
        settings = tx.settings.model_copy(update={"contracts": False})
        return replace(tx, config=replace(tx.config, settings=settings))
    return replace(tx, draws=bool(mapping.draws))
