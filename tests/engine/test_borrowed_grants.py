"""Cases taken as facts from other systems' tests: draw-down, activity and effective windows of grants.

Their grant is a grant of one contract here, a use is work at one instant, overage is carried time (policy
`carry`, our Rollover) or recorded as uncovered (`record`, our Ignore). The cases are in a separate folder;
without it these tests are skipped.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.contracts import Contract, Grant, Holder, TimeExpired, Window, grant_window
from engine.drawdown import plan_draw_down
from engine.payers import Payer, TimeWorked

Case = dict[str, Any]
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
ALWAYS = Window(BEGINNING, None)
POLICIES: dict[str, TimeExpired] = {"carry": "rollover", "record": "ignore", "reject": "ignore"}


def why_not_ours(case: Case) -> str | None:
    """The reason why a case does not apply to our draw-down; None if it applies."""
    if "resets" in case:
        return "no grant is reset: a month's allocation is a grant of its own"
    if any("rejected_usage" in check for check in case["checks"]):
        return "work done is never refused: what does not fit is handled by the policy"
    if "measure_from" in case:
        return "time worked counts from the first instant, never from a later one"
    return None


def test_activity_agrees(shared_cases: Path) -> None:
    for case in read(shared_cases)["activity"]:
        at = instant(case["at"])
        assert contract_window(case).contains(at) == case["expected_active"], case["id"]


def test_effective_windows_agree(shared_cases: Path) -> None:
    for case in read(shared_cases)["effective_window"]:
        until = case["expected_to"]
        expected = Window(instant(case["expected_from"]), instant(until) if until else None)
        assert contract_window(case) == expected, case["id"]


def test_burn_down_agrees(shared_cases: Path) -> None:
    wrong, applied = [], 0
    for case in variants(read(shared_cases)["cases"]):
        if why_not_ours(case) is not None:
            continue
        applied += 1
        for check in case["checks"]:
            values = state_at(case, instant(check["at"]))
            for key in values.keys() & check.keys():
                got, expected = values[key], check[key]
                if key == "balances":
                    got = {name: got[name] for name in expected}
                if got != expected:
                    wrong.append(f"{case['id']} at {check['at']}: {key} {expected}, got {got}")
    assert not wrong, "\n".join(wrong)
    assert applied >= 15


def read(shared_cases: Path) -> Any:
    return json.loads((shared_cases / "grant_burndown.json").read_text(encoding="utf-8"))


def variants(cases: list[Case]) -> Iterator[Case]:
    """Each case and, if it has one, its variant with the policy Ignore."""
    for case in cases:
        yield case
        if "if_ignored" in case:
            yield {**case, "overage_policy": "record", "checks": case["if_ignored"]}


def state_at(case: Case, at: datetime) -> dict[str, Any]:
    """The balances, uncovered minutes and draws at `at`, after all earlier events."""
    grants = {grant.id: grant for grant in grants_of(case)}
    left = {grant_id: grant.quantity for grant_id, grant in grants.items()}
    policy = POLICIES[case["overage_policy"]]
    uncovered, used, draws = 0, 0, []
    for when, amount in events(case, grants, at):
        # None: grants start, and carried minutes are drawn from them first.
        minutes = uncovered if amount is None else amount
        if amount is None and policy != "rollover":
            continue
        names = {}
        uncovered -= minutes if amount is None else 0
        for one in plan_draw_down(TimeWorked(when, None, minutes), [payer(grants, left)], policy):
            if one.kind == "grant":
                left[str(one.grant)] -= one.minutes
                names[str(one.grant)] = one.minutes
            else:
                uncovered += one.minutes
        if amount is not None:
            used += amount
            draws.append(names)
    balances = {grant_id: left[grant_id] if is_open(grants[grant_id], at) else 0 for grant_id in grants}
    return {
        "balances": named(balances),
        "total": sum(balances.values()),
        "overage": uncovered,
        "usage_in_period": used,
        "draws": [named(one) for one in draws],
    }


def events(case: Case, grants: dict[str, Grant], until: datetime) -> list[tuple[datetime, int | None]]:
    """Uses with their amount, and starts of grants with None, in order; at one instant, starts come first."""
    found: list[tuple[datetime, int | None]] = [(instant(use["at"]), use["amount"]) for use in case["usage"]]
    found += [(start, None) for start in {grant.effective_at or BEGINNING for grant in grants.values()}]
    return sorted((one for one in found if one[0] <= until), key=lambda one: (one[0], one[1] is not None))


def payer(grants: dict[str, Grant], left: dict[str, int]) -> Payer:
    with_balances = tuple(replace(one, available=left[one.id]) for one in grants.values())
    return Payer("C", Holder("customer", "ann"), ALWAYS, "minutes", with_balances)


def grants_of(case: Case) -> list[Grant]:
    """The grants, with ids in order of creation, like ours."""
    if "generate" in case:
        given = case["generate"]
        changed = {int(index): values for index, values in given["override"].items()}
        rows = [
            {**given["template"], "id": f"g{index}", **changed.get(index, {})}
            for index in range(given["count"])
        ]
    else:
        rows = case["grants"]
    made = []
    for row in rows:
        window = contract_window(row)
        grant_id = f"{row.get('created_at') or row['effective_at']} {row['id']}"
        priority = row["priority"]
        made.append(
            Grant(grant_id, "C", "minutes", row["amount"], window.start, window.until, priority=priority)
        )
    return made


def named(by_id: dict[str, int]) -> dict[str, int]:
    return {grant_id.split(" ", 1)[1]: value for grant_id, value in by_id.items()}


def is_open(grant: Grant, at: datetime) -> bool:
    window = grant_window(grant, ALWAYS)
    return window is not None and window.contains(at)


def contract_window(row: Case) -> Window:
    """The span of a grant, as that of a contract: voided is cancelled, deleted is ended."""
    dates = {
        key: instant(row[key]) if row.get(key) else None for key in ("expires_at", "voided_at", "deleted_at")
    }
    return Contract(
        id="C",
        number="SH-0001",
        type="support_hours",
        holder=Holder("customer", "ann"),
        created_at=BEGINNING,
        starts_at=instant(row["effective_at"]) if row["effective_at"] else BEGINNING,
        expires_at=dates["expires_at"],
        cancelled_at=dates["voided_at"],
        ended_at=dates["deleted_at"],
    ).window


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
