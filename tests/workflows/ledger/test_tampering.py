"""Whatever is changed in copies of a desk's database behind its back, the audit finds and names it.

Each kind of change is tried once on both databases. COVERDESK_TAMPERINGS=1000 tries as many at random.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.builders import FixedClock
from tests.support.postgres import PostgresServer
from tests.support.sample_desk import MONDAY, SampleDesk
from tests.support.tampering import TAMPERINGS, Tampering, intruding
from workflows.accounting_periods.use_cases import close_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.contracts import Adjust, TopUp
from workflows.commands.work import ChangeWork
from workflows.contracts.use_cases import adjust, top_up
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.jobs.definitions import run_job
from workflows.ledger.audit import AuditView
from workflows.reports.audit import audit_desk
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.work.use_cases import change_work, delete_work

MORE = int(os.environ.get("COVERDESK_TAMPERINGS", "0"))
Copy = Callable[[], str]


def busy_desk(url: str) -> None:
    """A desk with every kind of transaction, corrected work, and checkpoints of two days and more after."""
    sample = SampleDesk(url)
    hours = sample.sell("support_hours", minutes=60)
    sample.sell("support_hours_by_month", to=("org_unit", sample.parent), minutes=60)
    sample.sell("incident_pack", to=("item", sample.laptop), incidents=4)
    held, closed, cancelled = (sample.log() for _ in range(3))
    sample.work(held, 20)
    sample.fire(closed, "resolve", note="done")
    sample.fire(closed, "close")
    sample.fire(cancelled, "cancel", reason="not needed")
    drawn = sample.log(item=None)
    for minutes in (15, 25, 10):
        sample.work(drawn, minutes)
    run_job(sample.desk, "take_checkpoint")
    sample.clock.move(days=1)
    first, second, third = sample.entries(drawn)
    sample.do_as(sample.technician, change_work, first.id, ChangeWork(minutes=5))
    sample.do_as(sample.technician, delete_work, second.id)
    sample.do(top_up, hours, TopUp(minutes=30))
    sample.do(adjust, hours, Adjust(minutes=-5, reason="Agreed with Ann"))
    sample.work(drawn, 200)
    bob = sample.customer("Bob", sample.site)
    today = sample.clock.now().date()
    sample.sell("time_limited_subscription", to=("customer", bob), minutes=30, ends_on=today)
    sample.clock.move(days=1)
    run_job(sample.desk, "expire_contracts")
    run_job(sample.desk, "take_checkpoint")
    sample.do(close_period, "2026-02", ChangePeriod())
    for minutes in (5, 6):
        sample.work(drawn, minutes, at=MONDAY - timedelta(days=7))
    sample.work(drawn, 5)
    assert third.id
    sample.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def copy_desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """Call it for the URL of a copy of the desk's database; each copy takes the place of the one before."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("tampering")
        original, copied = folder / "desk.db", folder / "copy.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite_template"), original)
        busy_desk(f"sqlite:///{original}")

        def copy() -> str:
            for leftover in folder.glob("copy.db*"):
                leftover.unlink()
            return f"sqlite:///{shutil.copyfile(original, copied)}"

        yield copy
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    template = server.create_database(request.getfixturevalue("migrated_postgres_template"))
    busy_desk(server.url(template))
    names: list[str] = []

    def copy_of_template() -> str:
        while names:
            server.drop_database(names.pop())
        names.append(server.create_database(template))
        return server.url(names[-1])

    yield copy_of_template
    for name in (*names, template):
        server.drop_database(name)


def audit(url: str) -> AuditView:
    desk = Desk(Database(url, pool_size=1), FixedClock(MONDAY + timedelta(days=9)))
    try:
        with desk.read(SYSTEM) as tx:
            return audit_desk(tx)
    finally:
        desk.database.dispose()


def test_the_desk_is_clean_before_anything_is_changed(copy_desk: Copy) -> None:
    view = audit(copy_desk())
    assert view.differences == []
    assert view.checkpoints == 2
    assert view.chains >= 4


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: one.name)
def test_a_change_is_found_and_named(copy_desk: Copy, tampering: Tampering) -> None:
    check(copy_desk(), tampering, Random(tampering.name))


@pytest.mark.parametrize(
    "change",
    [
        t.ledger_chain.delete(),
        t.ledger_chain.update().values(hash=b"\0" * 32),
        t.ledger_chain.update().values(sequence=t.ledger_chain.c.sequence + 1),
        t.ledger_chain.update().values(sequence=t.ledger_chain.c.sequence - 1),
    ],
    ids=["removed", "hash", "higher", "lower"],
)
def test_the_head_of_the_checkpoints_is_named(copy_desk: Copy, change: Any) -> None:
    url = copy_desk()
    with intruding(url, Random(0)) as intruder:
        intruder.connection.execute(change.where(t.ledger_chain.c.id == "checkpoints"))
    assert "checkpoints" in {one.record for one in audit(url).differences}


def test_a_removed_newest_checkpoint_is_named(copy_desk: Copy) -> None:
    url = copy_desk()
    with intruding(url, Random(0)) as intruder:
        intruder.connection.execute(
            t.ledger_checkpoint_head.delete().where(t.ledger_checkpoint_head.c.checkpoint_number == 2)
        )
        intruder.connection.execute(t.ledger_checkpoint.delete().where(t.ledger_checkpoint.c.number == 2))
    assert {"checkpoints", "checkpoint 2"} <= {one.record for one in audit(url).differences}


def test_a_draw_of_carried_minutes_without_its_holder_is_named(copy_desk: Copy) -> None:
    """The draw-down of its contract cannot be repeated; the audit goes on with the others."""
    url = copy_desk()
    leg, entry = t.ledger_posting, t.ledger_transaction
    drawn = select(entry.c.id).where(entry.c.kind == "draw_carried")
    with intruding(url, Random(0)) as intruder:
        changed = intruder.connection.execute(
            leg.update()
            .where(leg.c.transaction_id.in_(drawn), leg.c.account == "carried")
            .values(account="worked")
        )
        assert changed.rowcount
    assert "draw-down cannot be repeated" in {one.what for one in audit(url).differences}


@pytest.mark.skipif(not MORE, reason="Set COVERDESK_TAMPERINGS=1000 to try as many at random.")
def test_random_changes_are_found_and_named(copy_desk: Copy) -> None:
    for number in range(MORE):
        chance = Random(number)
        check(copy_desk(), chance.choice(TAMPERINGS), chance)


def check(url: str, tampering: Tampering, chance: Random) -> None:
    with intruding(url, chance) as intruder:
        names = tampering.apply(intruder)
    view = audit(url)
    assert not view.ok, f"{tampering.name} was not found"
    found = {str(one) for d in view.differences for one in (d.record, d.contract, d.transaction) if one}
    assert any(name in one for name in names for one in found), (tampering.name, names, view.differences)


def test_an_erased_person_leaves_every_chain_as_it_is(copy_desk: Copy) -> None:
    """The texts of a transaction are in no hash: they can be replaced."""
    url = copy_desk()
    with intruding(url, Random(0)) as intruder:
        intruder.connection.execute(t.ledger_transaction.update().values(why="erased", actor="erased"))
        intruder.connection.execute(t.customer.update().values(name="erased"))
    assert audit(url).ok
