"""Burn order and "open at an instant" are stated in Python and in SQL: whatever the grants, both agree."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, insert, literal, select

from engine.burn_order import burn_order
from engine.contracts import Window
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.core.transaction import Transaction
from workflows.coverage.candidates import FreeIncident, find_candidates
from workflows.lifecycle.contracts.grants import limits_at, read_grants
from workflows.lifecycle.contracts.incident_holds import free_incidents, lock_incidents
from workflows.lifecycle.contracts.open_grants import burn_order_columns, is_open_at
from workflows.store import tables as t
from workflows.store.column_types import Instant

INSTANTS = [MONDAY + timedelta(microseconds=step) for step in range(-3, 4)]
"""So close together that most windows touch, overlap or are empty."""
g, b = t.contract_grant, t.grant_balance


class Given(NamedTuple):
    """A grant: when it can be drawn, and the incidents left in it."""

    id: str
    window: Window
    available: int
    priority: int


class Undone(Exception):
    """Ends a transaction whose rows are not to stay."""


@st.composite
def given_grants(draw: st.DrawFn) -> list[Given]:
    # lower and upper case, digits and a hyphen sort differently by most locales
    ids = draw(st.lists(st.text("aAbB1-", min_size=1, max_size=4), unique=True, max_size=7))
    grants = []
    for grant_id in ids:
        opens, closes = draw(st.sampled_from(INSTANTS)), draw(st.sampled_from([None, *INSTANTS]))
        until = None if closes is None else max(opens, closes)
        left, priority = draw(st.integers(0, 2)), draw(st.sampled_from([1, 99, 100, 101]))
        grants.append(Given(grant_id, Window(opens, until), left, priority))
    return grants


def test_python_and_sql_agree(sample: SampleDesk) -> None:
    pack = sample.sell("incident_pack", incidents=1)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(given_grants(), st.sampled_from(INSTANTS))
    def check(grants: list[Given], at: datetime) -> None:
        sample.clock.at = at
        with suppress(Undone), sample.desk.write(sample.administrator) as tx:
            replace_grants(tx, pack, grants)
            agree(tx, sample, pack, grants, at)
            raise Undone

    check()


def agree(tx: Transaction, sample: SampleDesk, pack: str, grants: list[Given], at: datetime) -> None:
    """The engine's rule, each statement that has it in SQL, and each reader of grants come to the same."""
    in_order = sorted(grants, key=lambda one: burn_order(one.window, one.id, one.priority))
    is_open = [one for one in in_order if one.window.contains(at)]
    free, following = sum(one.available for one in is_open), [one.id for one in is_open if one.available]
    of_pack = select(b.c.grant_id).where(b.c.contract_id == pack)
    now = literal(at, Instant)

    assert ids(tx, of_pack.order_by(*burn_order_columns())) == [one.id for one in in_order]
    assert sorted(ids(tx, of_pack.where(is_open_at(now)))) == sorted(one.id for one in is_open)
    assert sorted(ids(tx, of_pack.where(~is_open_at(now)))) == sorted(
        {one.id for one in grants} - {one.id for one in is_open}
    )
    assert lock_incidents(tx, pack) == (following[0] if following else None, free)
    assert (tx.connection.execute(select(free_incidents(pack, now))).scalar_one() or 0) == free
    assert limits_at(read_grants(tx, pack), at).incidents_available == free
    found = find_candidates(tx, customer=sample.ann, at=at)
    assert [one.limits.incidents_available for one in found.held] == [free]
    assert found.incidents == ({pack: FreeIncident(following[0], free)} if following else {})


def ids(tx: Transaction, statement: Select[Any]) -> list[str]:
    return list(tx.connection.execute(statement).scalars())


def replace_grants(tx: Transaction, pack: str, grants: list[Given]) -> None:
    """Give a pack these grants alone."""
    tx.connection.execute(b.delete().where(b.c.contract_id == pack))
    for one in grants:
        tx.connection.execute(
            insert(g).values(
                id=one.id,
                contract_id=pack,
                unit="incidents",
                quantity=2,
                kind="sold",
                created_at=MONDAY,
                created_by="a test",
                priority=one.priority,
            )
        )
        tx.connection.execute(
            insert(b).values(
                grant_id=one.id,
                contract_id=pack,
                unit="incidents",
                available=one.available,
                opens_at=one.window.start,
                closes_at=one.window.until,
                priority=one.priority,
            )
        )
