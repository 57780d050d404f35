"""What the command line says of a database that it cannot work with: words and exit 1, no traceback."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import make_url, text

from tests.support.builders import RULES
from tests.support.pgbouncer import Pgbouncer
from web.cli import main
from workflows.store.database import Database
from workflows.store.migrations import HEAD

Run = Callable[..., Result]
COMMANDS = (("migrate",), ("audit",), ("user", "list"), ("serve", "--port", "1"), ("scheduler",))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the database at an address."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("COVERDESK_"):
            monkeypatch.delenv(name)

    def call(database_url: str, *arguments: str) -> Result:
        settings = {"COVERDESK_DATABASE_URL": database_url, "COVERDESK_RULES_DIR": str(RULES)}
        return CliRunner().invoke(main, arguments, env=settings, prog_name="coverdesk")

    return call


def refused(result: Result) -> str:
    """What a command said that ended with 1, in words and on one line."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return line


def test_no_command_works_on_a_newer_database(run: Run, database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for command in COMMANDS:
        assert refused(run(database_url, *command)) == (
            f"Error: The database belongs to a newer Coverdesk (step 9999, not {HEAD}). Update this program."
        )
    with database.read() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
    database.dispose()


def test_a_file_that_is_no_database(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is no database. " * 100)
    for command in COMMANDS:
        found = refused(run(f"sqlite:///{tmp_path}/text.db", *command))
        assert found.startswith("Error: The database cannot be used:"), command
        found = refused(run(f"sqlite:///{tmp_path}", *command))
        assert "cannot be used: Is a directory" in found or "unable to open database file" in found, command


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://127.0.0.1:1,127.0.0.1:2/none", "connection to server at"),
        ("postgresql://127.0.0.1:1/none?sslmode=nonsense", "invalid sslmode value"),
        ("postgresql://127.0.0.1:1/none?target_session_attrs=nonsense", "invalid target_session_attrs value"),
    ],
)
def test_a_server_that_cannot_be_reached(run: Run, url: str, reason: str) -> None:
    for command in COMMANDS:
        assert reason in refused(run(url, *command)), command


def test_parameters_that_the_pooler_refuses(run: Run, pgbouncer: Pgbouncer) -> None:
    """pgbouncer 1.18 takes no `options`; Coverdesk sends none by itself."""
    url = make_url(pgbouncer.url("postgres")).update_query_dict({"options": "-c search_path=desk"})
    assert "unsupported startup parameter: options" in refused(run(url.render_as_string(), "migrate"))
