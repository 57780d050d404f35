"""`coverdesk demo`, called as from a shell. The demonstration data has tests of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.builders import RULES
from web.cli import main
from web.cli.demo import load_on_first_start
from workflows.core.desk import Desk
from workflows.demo import DEMO_PASSWORD, LOGINS
from workflows.demo.timeline import Stage
from workflows.operations.deployment import open_desk
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.publishing import publish_first
from workflows.store import tables as t

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def without_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load only the register: the events of two months are not needed here."""
    monkeypatch.setattr(Stage, "play", lambda stage: None)


@pytest.fixture
def desk(sqlite_database_url: str) -> Iterator[Desk]:
    made = open_desk(sqlite_database_url)
    yield made
    made.database.dispose()


@pytest.fixture
def run(sqlite_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("COVERDESK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COVERDESK_DATABASE_URL", sqlite_database_url)
    monkeypatch.setenv("COVERDESK_RULES_DIR", str(RULES))
    return lambda *arguments: CliRunner().invoke(main, arguments, prog_name="coverdesk")


def test_the_demonstration_is_loaded_once_and_reset(run: Run, desk: Desk) -> None:
    refused = run("demo", "reset")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: This desk was not loaded as a demonstration")

    loaded = run("demo", "load")
    assert loaded.exit_code == 0, loaded.output
    assert DEMO_PASSWORD in loaded.stdout
    for one in LOGINS:
        assert f"  {one.role:<14} {one.email}\n" in loaded.stdout

    again = run("demo", "load")
    assert again.exit_code == 1
    assert again.stderr.startswith("Error: The desk is not empty")

    with desk.write() as tx:
        tx.connection.execute(t.item.update().values(name="Changed"))
    reset = run("demo", "reset")
    assert reset.exit_code == 0, reset.output
    assert reset.stdout == loaded.stdout
    with desk.database.read() as connection:
        assert "Changed" not in {row.name for row in connection.execute(t.item.select())}


def test_serve_loads_the_demonstration_on_its_first_start(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_first(desk, read_rules_folder(RULES))
    load_on_first_start(desk)
    first = capsys.readouterr().err
    assert first.startswith("Loading the demonstration")
    load_on_first_start(desk)
    assert capsys.readouterr().err == first.partition("\n")[2]


def test_serve_does_not_change_a_desk_in_use(
    run: Run, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    run("rules", "publish", "--note", "First")
    run("user", "add", "ada@example.com", "--role", "administrator")
    load_on_first_start(desk)
    assert capsys.readouterr().err == ""
    with desk.database.read() as connection:
        assert connection.execute(t.item.select()).all() == []
