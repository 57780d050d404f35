"""The newer of the system's zone files and the tzdata package is used, and its version is known."""

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import tzdata

from tests.support.web_clients import WebClients
from workflows.operations.time_zone_data import time_zone_data

SCRIPT = """
from datetime import datetime, UTC
from zoneinfo import ZoneInfo
from workflows.operations.time_zone_data import use_newest_time_zone_data
found = use_newest_time_zone_data()
noon = datetime(2026, 12, 15, 12, tzinfo=ZoneInfo("America/Vancouver"))
print(found.version, found.source, noon.astimezone(UTC).strftime("%H:%M"))
"""
OLD_RULE, NEW_RULE = "20:00", "19:00"


@pytest.fixture
def system_zones(tmp_path: Path) -> Path:
    """A folder of zone files as an older system has them: Vancouver is eight hours behind in December."""
    fixed = files("tzdata.zoneinfo").joinpath("Etc", "GMT+8").read_bytes()
    utc = files("tzdata.zoneinfo").joinpath("Etc", "UTC").read_bytes()
    for name, content in (("America/Vancouver", fixed), ("Etc/UTC", utc)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def started_with(tzpath: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONTZPATH": tzpath},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize("file", ["tzdata.zi", "+VERSION"])
@pytest.mark.parametrize(("version", "newer"), [("2025b", False), ("2999a", True)])
def test_the_newer_of_system_and_package_is_used(
    system_zones: Path, file: str, version: str, *, newer: bool
) -> None:
    prefix = "# version " if file == "tzdata.zi" else ""
    (system_zones / file).write_text(f"{prefix}{version}\n")
    expected = [version, "system", OLD_RULE] if newer else [tzdata.IANA_VERSION, "package", NEW_RULE]
    assert started_with(str(system_zones)) == expected


def test_system_files_of_an_unknown_version_count_as_older(system_zones: Path) -> None:
    assert started_with(str(system_zones)) == [tzdata.IANA_VERSION, "package", NEW_RULE]


def test_without_system_files_the_package_is_used(tmp_path: Path) -> None:
    assert started_with(str(tmp_path)) == [tzdata.IANA_VERSION, "package", NEW_RULE]
    assert started_with("") == [tzdata.IANA_VERSION, "package", NEW_RULE]


def test_an_administrator_sees_which_data_is_used(web: WebClients) -> None:
    found = time_zone_data()
    origin = "the tzdata package" if found.source == "package" else "this server's operating system"
    assert f"Time zone data {found.version} From {origin}" in web.administrator.open("/")
