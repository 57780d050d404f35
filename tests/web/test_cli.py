"""The command line, as a shell would call it."""

import json
import logging
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk
from tests.support.served import Server
from web.cli import COMMANDS, main
from web.cli.desk import desk_of
from web.environment import Environment
from web.server.balance import TIMES_AS_MANY
from workflows.store import tables as t
from workflows.store.migrations import HEAD

PASSWORD = "a long enough password"
Run = Callable[..., Result]


@pytest.fixture
def settings(database_url: str) -> dict[str, str]:
    """The environment of a deployment whose database is up to date."""
    return {"COVERDESK_DATABASE_URL": database_url, "COVERDESK_RULES_DIR": str(RULES)}


@pytest.fixture
def run(settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Return a function that runs a command and returns its exit code and output."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("COVERDESK_"):
            monkeypatch.delenv(name)
    handlers = logging.getLogger().handlers[:]

    def call(*arguments: str, stdin: str = "", **changes: str) -> Result:
        return CliRunner().invoke(main, arguments, input=stdin, env=settings | changes, prog_name="coverdesk")

    yield call
    logging.getLogger().handlers[:] = handlers


def test_every_command_has_help_with_an_example(run: Run) -> None:
    def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield " ".join((*path, name)), command
            if isinstance(command, click.Group):
                yield from commands(command, (*path, name))

    listed = dict(commands(main))
    assert "rules rollback" in listed
    for path, command in listed.items():
        assert command.help, path
        epilog = command.epilog or ""
        assert "Example: coverdesk" in epilog or "$(coverdesk" in epilog, path
    for name, (_, line) in COMMANDS.items():
        assert str(listed[name].help).startswith(line.removesuffix(".")), name


def test_the_list_of_commands_is_shown_without_loading_them() -> None:
    program = "import sys; from web.cli import main; main(['-h'], standalone_mode=False); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("Usage:")
    for name, (_, line) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(line)}$", shown, re.MULTILINE), name
    assert not {"sqlalchemy", "flask", "pydantic"} & set(shown.splitlines()[-1].split())


def test_users_and_tokens(run: Run) -> None:
    added = run(
        "user", "add", "Ada@Example.com", "--role", "administrator", "--password-stdin", stdin=f"{PASSWORD}\n"
    )
    assert (added.exit_code, added.stdout) == (0, ""), added.stderr
    token = run("token", "create", "ada@example.com")
    assert token.exit_code == 0
    (line,) = token.stdout.splitlines()
    assert line.startswith("cvd_")
    short = run("user", "add", "b@example.com", "--role", "finance", "--password-stdin", stdin="short\n")
    assert (short.exit_code, short.stderr) == (1, "Error: password: It must have at least 12 characters.\n")
    again = run("user", "add", "ada@example.com", "--role", "finance")
    assert again.exit_code == 1
    assert "another user with the email address" in again.stderr
    nobody = run("user", "add", "c@example.com", "--role", "customer")
    assert nobody.exit_code == 1
    assert "no customer with the email address 'c@example.com'" in nobody.stderr
    assert run("user", "add", "d@example.com", "--role", "king").exit_code == 2
    assert run("user", "add", "d@example.com", "--role", "finance", "--language", "nl").exit_code == 2
    wrong = run("user", "add", "nonsense", "--role", "finance")
    assert wrong.exit_code == 1
    assert "not a valid email address" in wrong.stderr
    run("user", "add", "d@example.com", "--role", "finance", "--name", "Dora", "--language", "de")
    assert run("user", "disable", "d@example.com").exit_code == 0
    listed = run("user", "list").stdout
    assert [line.split() for line in listed.splitlines()] == [
        ["ada@example.com", "administrator", "ada@example.com"],
        ["d@example.com", "finance", "Dora", "(disabled)"],
    ]
    assert run("user", "disable", "nobody@example.com").exit_code == 1
    assert "only administrator" in run("user", "disable", "ada@example.com").stderr


def test_users_are_invited_and_signed_out(run: Run) -> None:
    added = run("user", "add", "ada@example.com", "--role", "administrator")
    assert "coverdesk user invite --print ada@example.com" in added.stderr
    api = run("user", "add", "api@example.com", "--role", "finance", "--no-invitation")
    assert "can only use API tokens" in api.stderr
    weak = run("user", "password", "ada@example.com", "--password-stdin", stdin="password1234\n")
    assert weak.exit_code == 1
    assert "commonly used or easy to guess" in weak.stderr
    printed = run("user", "invite", "ada@example.com", "--print", COVERDESK_BASE_URL="https://desk.example")
    (line,) = printed.stdout.splitlines()
    assert line.startswith("https://desk.example/password/new?link=")
    unsent = run("user", "invite", "ada@example.com")
    assert (unsent.exit_code, "There is no mail server" in unsent.stderr) == (1, True)
    queued = run("user", "invite", "ada@example.com", COVERDESK_SMTP_URL="smtp://127.0.0.1:1")
    assert (queued.exit_code, queued.stdout) == (0, "")
    assert "is queued" in queued.stderr
    run("token", "create", "ada@example.com")
    out = run("user", "sign-out", "ada@example.com", "--revoke-tokens")
    assert (out.exit_code, out.stderr) == (0, "ada@example.com is signed out.\n")
    assert run("user", "sign-out", "nobody@example.com").exit_code == 1
    for wrong in ("0", "-1", "soon", "9999999"):
        refused = run("user", "list", COVERDESK_SESSION_IDLE_HOURS=wrong)
        assert (refused.exit_code, "COVERDESK_SESSION_IDLE_HOURS" in refused.stderr) == (1, True)


def test_rules(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    shutil.copytree(RULES, folder)
    assert run("rules", "check", str(folder)).exit_code == 0
    first = run("rules", "publish", str(folder), "--note", "First")
    assert first.exit_code == 0
    coverage = folder / "coverage.json"
    coverage.write_text(coverage.read_text() + "\n")
    assert run("rules", "diff", str(folder)).exit_code == 0
    (folder / "charging.json").unlink()
    assert "--- in force/charging.json" in run("rules", "diff", str(folder)).stdout
    second = run("rules", "publish", str(folder), "--note", "Second")
    assert (second.exit_code, second.stdout == first.stdout) == (0, False)
    back = run("rules", "rollback", first.stdout[:10], "--note", "Back")
    assert back.stdout == first.stdout
    history = run("rules", "history").stdout.splitlines()
    assert [line.rsplit("  ", 1)[1] for line in history] == ["Back", "Second", "First"]
    assert [line[:2] for line in history] == ["* ", "  ", "  "]
    coverage.write_text('{\n  "name": 7,\n}')
    bad = run("rules", "check", str(folder))
    assert bad.exit_code == 1
    assert f"\n{folder}/coverage.json:2:12: " in bad.stdout
    refused = run("rules", "publish", str(folder), "--note", "Bad")
    assert refused.exit_code == 1
    assert f"\n{folder}/coverage.json:2:12: " in refused.stderr
    assert len(run("rules", "history").stdout.splitlines()) == 3
    assert run("rules", "check", str(tmp_path / "nowhere")).exit_code == 1
    assert run("rules", "rollback", "zzzzzzzz").exit_code == 1


def test_rules_check_prints_json(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    shutil.copytree(RULES, folder)
    assert json.loads(run("rules", "check", "--json", str(folder)).stdout) == {"ok": True, "problems": []}
    coverage = folder / "coverage.json"
    document = json.loads(coverage.read_text())
    coverage.write_text(json.dumps({**document, "examples": []}, indent=2))
    warned = run("rules", "check", str(folder))
    assert (warned.exit_code, warned.stderr) == (0, f"{folder} has no errors and 1 warning.\n")
    coverage.write_text(json.dumps({**document, "rank": ["ends_frst"], "examples": []}, indent=2))
    bad = run("rules", "check", "--json", str(folder))
    report = json.loads(bad.stdout)
    assert (bad.exit_code, bad.stderr, report["ok"]) == (1, "", False)
    assert [(one["file"], one["line"], one["column"]) for one in report["problems"][:1]] == [
        ("coverage.json", 5, 5)
    ]
    assert [(one["pointer"], one["severity"]) for one in report["problems"]] == [
        ("/rank/0", "error"),
        ("/examples", "warning"),
    ]
    assert 'Did you mean "ends_first"?' in report["problems"][0]["message"]


def test_audit_and_jobs(run: Run) -> None:
    assert run("audit").exit_code == 0
    done = run("run-job", "clean_up", "--due-at", "2026-04-01T00:00:00+02:00")
    assert (done.exit_code, done.stdout) == (0, "clean_up: 0 done\n")
    assert run("run-job", "nonsense").exit_code == 2
    assert run("run-job", "clean_up", "--due-at", "yesterday").exit_code == 2


def test_a_database_that_is_unreachable_or_not_up_to_date(run: Run, tmp_path: Path) -> None:
    fresh = f"sqlite:///{tmp_path}/fresh/desk.db"
    behind = run("user", "list", COVERDESK_DATABASE_URL=fresh)
    assert behind.exit_code == 1
    assert "coverdesk migrate" in behind.stderr
    for _ in range(2):
        assert run("migrate", COVERDESK_DATABASE_URL=fresh).exit_code == 0
    with sqlite3.connect(tmp_path / "fresh" / "desk.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    for command in (("serve", "--port", "1"), ("scheduler",), ("audit",)):
        behind = run(*command, COVERDESK_DATABASE_URL=fresh)
        assert (behind.exit_code, "Run: coverdesk migrate" in behind.stderr) == (1, True)
    with sqlite3.connect(tmp_path / "fresh" / "desk.db") as database:
        database.execute("UPDATE alembic_version SET version_num = (?)", [HEAD])
    assert run("user", "list", COVERDESK_DATABASE_URL=fresh).exit_code == 0
    gone = run("user", "list", COVERDESK_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert gone.exit_code == 1
    assert isinstance(gone.exception, SystemExit)
    for nonsense in ("nonsense", "mysql://x/y", "sqlite://", "postgresql://", "sqlite:////proc/x/y.db"):
        for command in (("audit",), ("migrate",)):
            found = run(*command, COVERDESK_DATABASE_URL=nonsense)
            assert found.exit_code == 1
            assert isinstance(found.exception, SystemExit), nonsense


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("COVERDESK_LOG_FORMAT", "xml", ""),
        ("COVERDESK_SMTP_URL", "smtp://mail.example.com:port", "It has a port that is not a number"),
        ("COVERDESK_BASE_URL", "desk.example.com", "Write the whole address, for example https://"),
        ("COVERDESK_WEBHOOK_HOSTS", "hooks.internal,a..b", "'a..b' is not the name of a host."),
        ("COVERDESK_MONITORING_TOKEN", "short", ""),
        ("COVERDESK_HEADER_SECONDS", "0", ""),
    ],
)
def test_an_invalid_environment_variable_is_named(run: Run, name: str, value: str, words: str) -> None:
    bad = run("user", "list", **{name: value})
    assert bad.exit_code == 1
    assert f"Error: {name}: {words}" in bad.stderr


def test_the_hosts_that_webhooks_may_reach_are_those_of_the_environment(database_url: str) -> None:
    desk = desk_of(Environment(database_url=database_url, webhook_hosts="Hooks.internal, 127.0.0.1"))
    assert desk.webhook_hosts == {"hooks.internal", "127.0.0.1"}
    desk.database.dispose()


def test_what_is_held_on_a_customer_is_exported(run: Run, tmp_path: Path, sample: SampleDesk) -> None:
    # on the same database: both are made of `database_url`
    exported = run("customers", "export", sample.ann, "--output", "ann.zip")
    assert exported.exit_code == 0, exported.stderr
    assert exported.stderr == f"ann.zip: {(tmp_path / 'ann.zip').stat().st_size:,} bytes.\n"
    again = run("customers", "export", sample.ann, "--output", "ann.zip")
    assert (again.exit_code, again.stderr) == (1, "Error: ann.zip already exists. Name a new file.\n")
    assert run("customers", "export", "nobody", "--output", "b.zip").exit_code == 1
    [event] = sample.rows(t.audit_event, action="personal data exported")
    assert event.actor.endswith("command line)")


def test_a_customer_is_erased_once_after_their_legal_hold_is_lifted(run: Run, sample: SampleDesk) -> None:
    assert run("customers", "hold", sample.ann, "--reason", "Case 12").exit_code == 0
    stopped = run("customers", "erase", sample.ann, "--preview")
    assert (stopped.exit_code, "Case 12" in stopped.stderr) == (1, True)
    refused = run("customers", "erase", sample.ann, "--name", "Ann", "--reason", "Asked for it")
    assert (refused.exit_code, "legal hold" in refused.stderr) == (1, True)
    assert run("customers", "lift-hold", sample.ann).exit_code == 0
    assert run("customers", "erase", sample.ann, "--preview").exit_code == 0
    unnamed = run("customers", "erase", sample.ann, "--reason", "Asked for it")
    assert (unnamed.exit_code, "--name NAME" in unnamed.stderr) == (1, True)
    erased, again = (
        run("customers", "erase", sample.ann, "--name", "Ann", "--reason", "Asked for it") for _ in range(2)
    )
    for one in (erased, again):
        assert one.stderr.startswith("Erased as number 1 by ")
    assert re.search(r"^customer +1$", erased.stdout, re.MULTILINE)
    assert run("customers", "erasures").stdout.split()[:2] == ["1", sample.ann]


def test_what_retention_would_remove_is_printed(run: Run, sample: SampleDesk) -> None:
    at = datetime(2020, 1, 31, 12, tzinfo=UTC)
    with sample.desk.write() as tx:
        values = {"event": "x", "subject": "x", "body": "x", "payload": {}}
        tx.add(t.outbox, id="old", created_at=at, delivered_at=at, **values)
    assert run("retention", "preview").stdout == "mail: never removed\nbilling_mail: never removed\n"
    tried = run("retention", "preview", "--mail-months", "1", "--billing-mail-months", "0").stdout
    assert re.fullmatch(
        r"mail: 1 before \S+ 00:00 UTC, from 2020-01-31 to 2020-01-31\nbilling_mail: never removed\n", tried
    )


def test_backup_and_restore(run: Run, tmp_path: Path, database_url: str) -> None:
    copy = tmp_path / "copy.db"
    made = run("backup", str(copy))
    if database_url.startswith("postgresql"):
        assert made.exit_code == 1
        assert "pg_dump" in made.stderr
        assert "pg_restore" in run("restore", str(copy), "--yes").stderr
        return
    assert made.exit_code == 0
    assert run("backup", str(copy)).exit_code == 1
    run("user", "add", "later@example.com", "--role", "finance")
    assert "later@example.com" in run("user", "list").stdout
    assert run("restore", str(copy), "--yes").exit_code == 0
    assert run("user", "list").stdout == ""
    for name, content in (("text.db", b"nonsense"), ("empty.db", b"")):
        (tmp_path / name).write_bytes(content)
        assert run("restore", str(tmp_path / name), "--yes").exit_code == 1
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE other (x)")
    assert "is not a Coverdesk database" in run("restore", str(tmp_path / "other.db"), "--yes").stderr
    assert run("restore", str(tmp_path / "nothing.db"), "--yes").exit_code == 1
    assert run("user", "list").exit_code == 0


# ------------------------------------------------------------------ the server


def test_prometheus_client_is_not_imported_before_serve() -> None:
    # prometheus_client reads PROMETHEUS_MULTIPROC_DIR only when it is imported.
    program = "import sys, web.cli; print('prometheus_client' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_a_port_in_use_is_reported(run: Run) -> None:
    run("migrate")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = run("serve", "--port", str(port))
    assert refused.exit_code == 1
    assert f"Port {port} is already in use." in refused.stderr


def test_a_public_address_requires_a_secret_key(run: Run) -> None:
    for key in ("", "changeme", "short"):
        refused = run("serve", "--host", "0.0.0.0", COVERDESK_SECRET_KEY=key)
        assert refused.exit_code == 1
        assert "COVERDESK_SECRET_KEY" in refused.stderr


def test_serve_refuses_invalid_rules(run: Run, tmp_path: Path) -> None:
    (tmp_path / "coverage.json").write_text("{\n\n  nonsense\n}")
    refused = run("serve", COVERDESK_RULES_DIR=str(tmp_path))
    assert refused.exit_code == 1
    assert f"{tmp_path}/coverage.json:3:3: " in refused.stderr
    missing = run("serve", COVERDESK_RULES_DIR=str(tmp_path / "none"))
    assert missing.exit_code == 1
    assert f"{tmp_path}/none:1:1: " in missing.stderr


@pytest.mark.slow
def test_serve_responds_and_stops_cleanly(settings: dict[str, str], tmp_path: Path, run: Run) -> None:
    server = Server(settings, tmp_path, "--with-scheduler", "--workers", "2")
    try:
        run("user", "add", "a@example.com", "--role", "administrator")
        token = run("token", "create", "a@example.com").stdout.strip()
        ready = json.load(server.get("/readyz", token))
        assert ready["rule_set"] is not None
        _send_too_much(server.port, token)
        _send_what_is_no_call(server.port, token)
        give_up_at = time.monotonic() + 120
        while not json.load(server.get("/readyz", token))["jobs"]:
            assert time.monotonic() < give_up_at, "the scheduler has run no job"
            time.sleep(0.2)
        metrics = [server.get("/metrics", token).read().decode().splitlines() for _ in range(2)][-1]
        assert sum("coverdesk_http_requests_total{" in line for line in metrics) >= 3
        assert [line for line in metrics if line.startswith("coverdesk_ready")] == ["coverdesk_ready 1.0"]
        assert not [line for line in metrics if "pid=" in line], "metrics of the database have no pid"
        children = _children(server.process.pid)
        assert len(children) == 3
    finally:
        seconds = server.stop(signal.SIGINT)
    assert seconds < 12
    assert server.process.returncode == 0
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    text = server.log.read_text()
    assert "Traceback" not in text
    assert "SIGKILL" not in text


CONNECTIONS = 16


@pytest.mark.slow
def test_workers_share_the_connections_that_clients_keep(settings: dict[str, str], tmp_path: Path) -> None:
    server = Server(settings, tmp_path, "--workers", "2")
    try:
        workers = _children(server.process.pid)
        give_up_at = time.monotonic() + 120
        # one of the workers may still be starting when the other one responds
        while min(opened := _opened_by(workers, server.port)) < CONNECTIONS // TIMES_AS_MANY - 2:
            assert time.monotonic() < give_up_at, opened
    finally:
        server.stop(signal.SIGINT)


def _opened_by(workers: list[int], port: int) -> list[int]:
    """How many of some connections that are opened and closed again each worker accepts."""
    before = [_sockets(worker) for worker in workers]
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        give_up_at = time.monotonic() + 120
        opened = [0, 0]
        # a connection of an earlier call may have been open before, and be closed meanwhile
        while sum(opened) < CONNECTIONS - 1:
            assert time.monotonic() < give_up_at, opened
            opened = [_sockets(worker) - old for worker, old in zip(workers, before, strict=True)]
    while any(_sockets(worker) > old for worker, old in zip(workers, before, strict=True)):
        assert time.monotonic() < give_up_at, "the workers keep closed connections"
    return opened


def _sockets(pid: int) -> int:
    """The number of sockets that a process has open."""
    found = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += str(file.readlink()).startswith("socket:")
    return found


def _send_too_much(port: int, token: str) -> None:
    """10 MB in one go, and 2 MB in chunks: both get their answer, and the line stays open.

    So too where nobody asked for the body: without a token, and where the address takes none.
    """
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    for method, body, sent, status in (
        ("POST", b"x" * 10_000_000, headers, 413),
        ("POST", (b"x" * 65536 for _ in range(32)), headers, 413),
        ("POST", b"x" * 10_000_000, {}, 401),
        ("PUT", b"x" * 10_000_000, headers, 405),
    ):
        connection.request(method, "/api/v1/org-units", body=body, headers=sent)
        answer = connection.getresponse()
        assert answer.status == status
        answer.read()
    connection.close()


def _send_what_is_no_call(port: int, token: str) -> None:
    """What the server refuses by itself, and a body that is not chunked as it says: problems, all of them."""
    post = f"POST /api/v1/org-units HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    post += "Content-Type: application/json\r\n"
    for call, status in (
        ("GET /api/v1/items?q=" + "x" * 10_000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + "x" * 100_000 + "\r\n\r\n", 431),
        ("nonsense\r\n\r\n", 400),
        (post + "Content-Length: -5\r\n\r\n{}", 400),
        (post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400),
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            line.sendall(call.encode())
            answer = line.recv(65536).decode()
        assert answer.startswith(f"HTTP/1.1 {status} "), answer
        assert "application/problem+json" in answer


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    if not tasks.exists():
        pytest.skip("no /proc here")
    return [int(child) for child in tasks.read_text().split()]
