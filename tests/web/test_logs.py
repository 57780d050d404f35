"""Errors in the log: with their location, without the values of variables."""

import subprocess
import sys

import pytest

PROGRAM = """
import structlog
from web.logs import set_up_logs

def log_in(password):
    raise RuntimeError("no luck")

set_up_logs({form!r})
try:
    log_in("correct horse battery")
except RuntimeError as error:
    structlog.get_logger("coverdesk.web").error("unexpected error", exc_info=error)
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_error_is_logged_with_its_location_and_without_values(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(form=form)], capture_output=True, text=True, check=True
    )
    assert "no luck" in done.stderr
    assert "log_in" in done.stderr
    assert "correct horse battery" not in done.stderr
