"""Totals, credits and prorations taken from other systems and from the standard's own examples."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.billing_cycles import day_share
from engine.invoicing import (
    DiscountTerms,
    LineTerms,
    TaxRate,
    Totals,
    document_totals,
    tax_of,
    tax_subtotals,
)
from engine.quantities import round_half_up
from engine.recognition import share_by_days, unused_part_minor


def cases(folder: Path, group: str) -> list[Any]:
    every = json.loads((folder / "billing.json").read_text(encoding="utf-8"))["cases"]
    found = [case for case in every if case["group"] == group]
    assert found
    return found


def rate(given: dict[str, Any]) -> TaxRate:
    return TaxRate(given["category"], Decimal(given["rate"]))


def line(given: dict[str, Any]) -> LineTerms:
    return LineTerms(
        Fraction(given["quantity"]),
        Fraction(given["price"]) / Fraction(given.get("per", "1")),
        rate(given),
        Decimal(given["discount_percent"]) if "discount_percent" in given else None,
        given.get("allowance", 0) - given.get("charge", 0),
    )


def discounts(given: dict[str, Any]) -> list[DiscountTerms]:
    """Document allowances; a charge is a negative one. A percentage with a base of its own is an amount."""
    found = []
    for key, sign in (("allowances", 1), ("charges", -1)):
        for one in given.get(key, ()):
            tax = rate(one) if "rate" in one else None
            if "percent" in one and tax is None:
                found.append(DiscountTerms(percent=sign * Decimal(one["percent"])))
                continue
            amount = one["amount"] if "amount" in one else tax_of(one["base"], Decimal(one["percent"]))
            found.append(DiscountTerms(amount_minor=sign * amount, tax=tax))
    return found


def shown(totals: Totals) -> dict[str, Any]:
    return {
        "line_net": [one.net_minor for one in totals.lines],
        "net": totals.net_minor,
        "taxes": taxes(totals.taxes),
        "tax": totals.tax_minor,
        "total": totals.total_minor,
    }


def taxes(subtotals: Any) -> list[list[Any]]:
    return [[one.category, str(one.rate), one.base_minor, one.tax_minor] for one in subtotals]


def test_totals_agree(shared_cases: Path) -> None:
    for case in cases(shared_cases, "invoice_totals"):
        given, expected = case["input"], case["expect"]
        found = shown(document_totals([line(one) for one in given["lines"]], discounts(given)))
        found["payable"] = found["total"] - given.get("prepaid", 0) + given.get("rounding", 0)
        assert {key: found[key] for key in expected} == expected, case["id"]


def test_credits_agree(shared_cases: Path) -> None:
    for case in cases(shared_cases, "credit"):
        given, expected = case["input"], case["expect"]
        found = credited_lines(given) if given["mode"] == "lines" else credited_rest(given)
        assert {key: found[key] for key in expected} == expected, case["id"]


def credited_lines(given: dict[str, Any]) -> dict[str, Any]:
    found = tax_subtotals((rate(one), one["net"]) for one in given["lines"])
    net, tax = sum(one.base_minor for one in found), sum(one.tax_minor for one in found)
    return {"net": net, "taxes": taxes(found), "tax": tax, "total": net + tax}


def credited_rest(given: dict[str, Any]) -> dict[str, Any]:
    """A contract that ended early; the local day of an instant is still used."""
    starts_on, ends_on = map(date.fromisoformat, given["period"])
    if "ends" in given:
        until = date.fromisoformat(given["ends"])
    else:
        ended_at = datetime.fromisoformat(given["terminated_at"]).astimezone(UTC)
        until = ended_at.astimezone(ZoneInfo(given["time_zone"])).date() + timedelta(days=1)
    price = given["price"] - given.get("discount", 0)
    used = share_by_days(starts_on, ends_on, gone_by_until=until)
    net = unused_part_minor(price, used, credited_minor=given.get("already_credited", 0))
    tax = tax_of(net, Decimal(given["rate"]))
    return {"net": net, "tax": tax, "total": net + tax}


def test_prorations_agree(shared_cases: Path) -> None:
    for case in cases(shared_cases, "proration"):
        amounts = []
        for one in case["input"]["items"]:
            period, segment = (tuple(map(date.fromisoformat, one[key])) for key in ("period", "segment"))
            share = day_share(segment, period)  # type: ignore[arg-type]
            amounts.append(one.get("sign", 1) * round_half_up(one["price"] * share))
        expected = case["expect"]
        found = {"amounts": amounts, "total": sum(amounts)}
        assert {key: found[key] for key in expected} == expected, case["id"]


@pytest.mark.parametrize(("until", "used"), [("2026-01-01", 0), ("2026-01-11", 1), ("2026-02-01", 1)])
def test_the_used_share_is_within_the_period(until: str, used: int) -> None:
    period = (date(2026, 1, 1), date(2026, 1, 11))
    assert share_by_days(*period, gone_by_until=date.fromisoformat(until)) == used
