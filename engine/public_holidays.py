"""Public holidays by country, region and category, from the package `holidays`.

The package has data for the years that each country says; years outside have no holidays without a word, so
they are refused here. Days are keyed by date, as names depend on the language of the process.

The package is imported when the first holiday is asked for: that takes a fifth of a second, which every
command would wait for.
Source: product.md section 7.
"""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from engine.errors import DeskError

CHECKED_YEAR = 2026
"""A year that the data of every country has: names are checked in it."""


class NoHolidayData(DeskError):
    """A country, region, category or year that the holiday data does not have."""

    code = "no-holiday-data"


@lru_cache(maxsize=512)
def holidays_in(
    country: str, subdivision: str | None, categories: tuple[str, ...], year: int
) -> frozenset[date]:
    """The holidays of a year: `country` by its ISO 3166-1 code, `subdivision` by that of ISO 3166-2.

    Raises: NoHolidayData.
    """
    import holidays

    known = _country(country, subdivision)
    unknown = [one for one in categories if one not in known.supported_categories]
    if unknown:
        raise NoHolidayData(
            f"There is no category {unknown[0]!r} of holidays in {country}.",
            remedy=f"Use {_listed(known.supported_categories)}.",
            category=unknown[0],
        )
    if not known.start_year <= year <= known.end_year:
        raise NoHolidayData(
            f"There are no holidays of {country} for {year}.",
            remedy=f"The data has the years {known.start_year} to {known.end_year}: give dates instead.",
            year=year,
        )
    return frozenset(
        holidays.country_holidays(country, subdiv=subdivision, years=year, categories=categories)
    )


def _country(country: str, subdivision: str | None) -> Any:
    import holidays

    try:
        known: Any = holidays.country_holidays(country)
    except NotImplementedError:
        raise NoHolidayData(
            f"There are no holidays of a country {country!r}.",
            remedy="Use the two letters of ISO 3166-1, such as DE.",
            country=country,
        ) from None
    if subdivision is not None and subdivision not in known.subdivisions:
        raise NoHolidayData(
            f"There is no region {subdivision!r} in {country}.",
            remedy=f"Use {_listed(known.subdivisions)}." if known.subdivisions else "Leave it out.",
            subdivision=subdivision,
        )
    return known


def _listed(names: Sequence[str]) -> str:
    return ", ".join(sorted(names))
