"""`coverdesk import`, called as from a shell."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.exports import MAPPING, event, export
from web.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that imports a file and returns the exit code and output."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("COVERDESK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COVERDESK_DATABASE_URL", sqlite_database_url)

    def call(raw: bytes | None, mapping: str = json.dumps(MAPPING), *options: str) -> Result:
        Path("m.json").write_text(mapping)
        if raw is not None:
            Path("e.csv").write_bytes(raw)
        arguments = ("import", "e.csv", "--mapping", "m.json", *options)
        return CliRunner().invoke(main, arguments, prog_name="coverdesk")

    return call


RAW = export(event("INC1", "New", "08:05"), event("INC1", "Lost", "08:10"))
LOST = "line 3: not taken: the state 'Lost' is not named in the mapping\n"


def test_rows_are_reported_by_line_and_in_total(run: Run) -> None:
    tried = run(RAW, json.dumps(MAPPING), "--dry-run")
    assert tried.exit_code == 0
    assert tried.stdout.startswith(LOST)
    assert tried.stdout.endswith("dry run: nothing was written\n")
    done = run(RAW)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        LOST + "Old desk: 2 rows of 1 service requests: 1 rows taken, 1 not taken\n"
        "1 service requests logged, 0 continued; 0 moves, 0 of them inferred\n"
        "made: 1 customers, 2 org units, 1 items, 0 technicians\n"
    )
    again = run(RAW)
    assert again.exit_code == 0
    assert "line 2: not taken: it was read by an earlier import\n" in again.stdout


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (None, "Error: e.csv:1: it cannot be read: no such file or directory.\n"),
        (b"", "Error: e.csv:1: The file is empty."),
        (b"a\n\xff\n", "Error: e.csv:2: Byte 0xFF is not utf-8"),
        (b"number\nINC1\n", "Error: e.csv:1: There is no column 'state' (state), "),
    ],
)
def test_a_file_that_cannot_be_read(run: Run, raw: bytes | None, error: str) -> None:
    result = run(raw)
    assert result.exit_code == 1
    assert result.stderr.startswith(error)
    assert result.stdout == ""


def test_a_mapping_that_cannot_be_read(run: Run) -> None:
    result = run(RAW, '{\n  "source": "x",\n  "colums": {}\n}')
    assert result.exit_code == 1
    assert 'm.json:3:3: "colums" is not a known key. Did you mean "columns"?\n' in result.stderr
    assert result.stderr.endswith("Error: The mapping cannot be used; nothing was imported.\n")


def test_a_file_with_only_a_header(run: Run) -> None:
    result = run(export())
    assert result.exit_code == 0
    assert "0 rows of 0 service requests" in result.stdout
