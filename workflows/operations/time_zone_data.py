"""Which time zone and holiday data the process uses.

Of time zones the system's or that of the tzdata package, whichever is newer; holidays from their package.

Python prefers the system's zone files to the package (CPython 3.11, zoneinfo), however old they are: files
of 2025 compute 2026-12-15 12:00 in Vancouver as 20:00Z; by the rules of 2026 it is 19:00Z.
"""

import re
import zoneinfo
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as version_of_package
from pathlib import Path
from typing import Literal

import tzdata

VERSION = re.compile(r"^(?:# version )?(\d{4})([a-z]*)")


@dataclass(frozen=True, slots=True)
class TimeZoneData:
    """An IANA version such as `2026f`, and where it comes from. `version` is None where none is recorded."""

    version: str | None
    source: Literal["system", "package"]


def use_newest_time_zone_data() -> TimeZoneData:
    """Use the newer of the system's zone files and the tzdata package.

    For this process and its children by fork.

    Call it at the start, before any zone is looked up: values made before keep the zone that they have.
    """
    if zoneinfo.TZPATH and _newer(_package().version, _system().version):
        zoneinfo.reset_tzpath(to=())
        zoneinfo.ZoneInfo.clear_cache()
    return time_zone_data()


def time_zone_data() -> TimeZoneData:
    """The time zone data in use."""
    system = _system()
    return _package() if system.version is None and not _has_zones() else system


@cache
def calendar_data() -> str:
    """The versions of the data that working time is computed with, as it is stored with what it gave.

    Such as `tzdata 2026f, holidays 0.109`. They stay the same while a process runs.
    """
    return f"tzdata {time_zone_data().version or 'unknown'}, holidays {version_of_package('holidays')}"


def _package() -> TimeZoneData:
    return TimeZoneData(tzdata.IANA_VERSION, "package")


def _system() -> TimeZoneData:
    """What the folders of `zoneinfo.TZPATH` say of their version.

    The first with zone files is the one used.
    """
    for folder in _zone_folders():
        for name in ("tzdata.zi", "+VERSION"):
            version = _version_in(folder / name)
            if version is not None:
                return TimeZoneData(version, "system")
        break
    return TimeZoneData(None, "system")


def _has_zones() -> bool:
    return bool(_zone_folders())


def _zone_folders() -> list[Path]:
    return [Path(path) for path in zoneinfo.TZPATH if (Path(path) / "Etc" / "UTC").is_file()]


def _version_in(path: Path) -> str | None:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            found = VERSION.match(file.readline(100))
    except OSError:
        return None
    return found.group(1) + found.group(2) if found else None


def _newer(version: str | None, than: str | None) -> bool:
    """Whether a version comes after another; one that is not recorded is taken for older."""
    return version is not None and (than is None or _order(version) > _order(than))


def _order(version: str) -> tuple[int, int, str]:
    found = VERSION.match(version)
    if found is None:
        return 0, 0, ""
    year, release = found.groups()
    return int(year), len(release), release
