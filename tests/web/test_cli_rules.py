"""The commands for rules and decisions, as a shell would call them."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.builders import RULES
from tests.support.office import Office
from web.cli import main
from workflows.store import tables as t
from workflows.store.ids import new_id

Run = Callable[..., Result]


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    office = Office(database_url)
    yield office
    office.close()


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command on the test's database; answers its exit code and what it wrote."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("COVERDESK_"):
            monkeypatch.delenv(name)
    env = {"COVERDESK_DATABASE_URL": database_url, "COVERDESK_RULES_DIR": str(RULES)}
    handlers = logging.getLogger().handlers[:]

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, env=env, prog_name="coverdesk")

    yield call
    logging.getLogger().handlers[:] = handlers


def test_decisions_are_verified(office: Office, run: Run) -> None:
    office.sell("subscription")
    office.log()
    good = run("decisions", "verify")
    assert (good.exit_code, good.stdout) == (0, "")
    assert good.stderr == "1 decisions made again, 0 differ.\n"
    (row,) = office.rows(t.coverage_decision)
    with office.desk.write() as tx:
        tx.add(t.coverage_decision, **(dict(row._mapping) | {"id": new_id(), "rule": "no-such-rule"}))
    bad = run("decisions", "verify", "--from", "2026-03-02T00:00:00Z")
    assert bad.exit_code == 1
    assert f"rule: kept no-such-rule, made again {row.rule}" in bad.stdout
    assert run("decisions", "verify", "--to", "2026-03-02T00:00:00Z").stderr.startswith("0 decisions")
