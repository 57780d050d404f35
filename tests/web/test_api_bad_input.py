"""Invalid input to the calls of the desk: the right status, never a 500, nothing partly saved."""

from typing import Any

import pytest

from tests.support.api import ApiClients
from tests.support.sample_desk import SampleDesk
from workflows.store import tables as t

HUGE = 10**400
TABLES = (
    t.contract,
    t.contract_grant,
    t.ledger_transaction,
    t.ledger_posting,
    t.service_request,
    t.service_request_history,
    t.coverage_decision,
    t.work_entry,
    t.idempotency_key,
    t.audit_event,
    t.outbox,
)
INVALID_INSTANTS: list[Any] = [
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "2026-02-31T10:00:00Z",
    "2026-13-01T10:00:00Z",
    "2026-03-01T25:00:00Z",
    "2026-03-01T10:00:00",
    "2026-03-01",
    "9999-12-31T23:59:59-23:59",
    "2026-03-01T10:00:00+99:99",
    "yesterday",
    "",
    "\u0000",
    1772442000,
    HUGE,
    -1,
    True,
    None,
    [],
    {},
]
INVALID_DAYS: list[Any] = [
    "0000-01-01",
    "2026-02-31",
    "2026-2-3",
    "20260301",
    "2026-03-01T00:00:00Z",
    "",
    7,
    True,
    [],
]
INVALID_MINUTES: list[Any] = [0, -5, 1.5, 1e300, HUGE, -HUGE, "60", True, [], {}, "\u0000"]
INVALID_PRICES: list[Any] = [
    7,
    "7",
    {},
    {"amount_minor": -1},
    {"amount_minor": HUGE},
    {"amount_minor": 1.5},
    {"currency": "EUR"},
]
INVALID_GRANTS: list[Any] = [7, {}, [7], [{"minutes": 0}], [{}], [{"minutes": 1, "incidents": 1}]]
INVALID_SCOPES: list[Any] = [
    7,
    "travel",
    [],
    {},
    {"all": []},
    {"name": "worktype", "operator": "equal_to", "value": "travel"},
    {"name": "work_type", "operator": "is", "value": "travel"},
    {"name": "work_type", "operator": "equal_to", "value": "\u0000"},
    {"name": "work_type", "operator": "equal_to", "value": "x" * 100_000},
    {"name": "worked_hour", "operator": "less_than", "value": HUGE},
    {"name": "calendars", "operator": "contains", "value": "after_hours"},
]
INVALID_ORDERS: list[dict[str, Any]] = [
    *({"priority": value} for value in (-1, 1.5, HUGE, "first", True, None)),
    *({"scope": value} for value in INVALID_SCOPES),
]
INVALID_CAPS: list[dict[str, Any]] = [
    *({"cap_minutes": value} for value in INVALID_MINUTES),
    *({"cap_percent": value} for value in [*INVALID_MINUTES, 101]),
    {"cap_minutes": 5, "cap_percent": 5},
    {"cap": 5},
]
INVALID_CARRY_OVERS: list[Any] = [
    -1,
    True,
    [],
    {},
    {"cap_minutes": 5},
    *({"months": value} for value in (-1, 0, 121, 1.5, HUGE, "1", None)),
    *({"months": 1, **cap} for cap in INVALID_CAPS),
]
INVALID_BORROWS: list[Any] = [-1, True, [], {}, {"months": 1, "cap_minutes": 5}, *INVALID_CAPS]
INVALID_TEXTS: list[Any] = ["", " ", "\u0000", "x" * 100_000, 7, True, [], {}, None]
INVALID_IDS: list[Any] = ["", "nobody", "\u0000", "x" * 10_000, 7, True, [], {}]


@pytest.fixture
def api(sample: SampleDesk) -> ApiClients:
    """The API of the desk."""
    return ApiClients(sample)


def stored(sample: SampleDesk) -> list[int]:
    return [len(sample.rows(table)) for table in TABLES]


def expect(
    sample: SampleDesk, api: ApiClients, method: str, path: str, bodies: list[dict[str, Any]], *allowed: int
) -> None:
    """Assert that each body is refused with one of the statuses and that nothing is stored."""
    before = stored(sample)
    for body in bodies:
        answer = api.administrator.call(method, path, body)
        assert answer.status_code in allowed, (body, answer.status_code, answer.text[:300])
        assert answer.content_type == "application/problem+json"
    assert stored(sample) == before


def test_contracts(sample: SampleDesk, api: ApiClients) -> None:
    good = {"type": "support_hours", "holder": {"customer": sample.ann}, "minutes": 60}
    bad: list[dict[str, Any]] = [{**good, "minutes": value} for value in INVALID_MINUTES]
    bad += [{**good, "starts_at": value} for value in INVALID_INSTANTS if value is not None]
    bad += [{**good, "starts_on": value} for value in INVALID_DAYS]
    bad += [{**good, "ends_on": value} for value in INVALID_DAYS]
    bad += [{**good, "holder": {"customer": value}} for value in INVALID_IDS]
    bad += [{**good, "type": value} for value in INVALID_TEXTS]
    holders: list[Any] = [None, {}, [], "x", {"nobody": "x"}]
    bad += [
        {**good, "holder": value} for value in [*holders, {"customer": sample.ann, "item": sample.laptop}]
    ]
    bad += [{**good, "price": value} for value in INVALID_PRICES]
    bad += [{**good, "grants": value} for value in INVALID_GRANTS]
    bad += [{**good, "grants": [{"minutes": 5, **value}], "minutes": None} for value in INVALID_ORDERS]
    bad += [
        {**good, "grants": [{"minutes": 5, "effective_at": value}], "minutes": None}
        for value in INVALID_INSTANTS
        if value is not None
    ]
    by_month = {**good, "type": "support_hours_by_month"}
    bad += [{**by_month, "carry_over": value} for value in INVALID_CARRY_OVERS]
    bad += [{**by_month, "borrow": value} for value in INVALID_BORROWS]
    bad += [{**good, "carry_over": {"months": 1}}, {**good, "borrow": {"cap_minutes": 5}}]
    bad += [{**by_month, "grants": [{"minutes": 5}], "minutes": None, "borrow": {"cap_minutes": 5}}]
    bad += [{**good, "starts_on": "2026-05-01", "ends_on": "2026-04-01"}]
    bad += [{**good, "unknown": 1}, {**good, "enable": "yes"}, {**good, "time_expired": "vanish"}, {}]
    expect(sample, api, "POST", "/contracts", bad, 422)


def test_actions_on_contracts(sample: SampleDesk, api: ApiClients) -> None:
    contract = sample.sell("support_hours", minutes=60, enable=True)
    minutes: list[dict[str, Any]] = [{"minutes": value} for value in INVALID_MINUTES]
    instants = [{"minutes": 5, "effective_at": value} for value in INVALID_INSTANTS if value is not None]
    expect(
        sample,
        api,
        "POST",
        f"/contracts/{contract}/top-up",
        [*minutes, *instants, *({"minutes": 5, **value} for value in INVALID_ORDERS), {}, {"incidents": 1}],
        409,
        422,
    )
    adjust = [{"minutes": value, "reason": "x"} for value in (0, 1.5, HUGE, "5", True, -10_000, None)]
    adjust += [
        {"minutes": 5, "reason": value}
        for value in INVALID_TEXTS
        if not isinstance(value, str) or value.strip() in ("", "\u0000")
    ]
    expect(
        sample,
        api,
        "POST",
        f"/contracts/{contract}/adjust",
        [*adjust, {"minutes": 5}, {"reason": "x"}],
        409,
        422,
    )
    expect(
        sample,
        api,
        "POST",
        f"/contracts/{contract}/renew",
        [{"ends_on": value} for value in INVALID_DAYS],
        409,
        422,
    )
    expect(sample, api, "POST", f"/contracts/{contract}/enable", [{"x": 1}], 409, 422)
    expect(
        sample,
        api,
        "POST",
        f"/contracts/{contract}/cancel",
        [{"reason": 7}, {"reason": "\u0000"}, {"x": 1}],
        422,
    )
    for query in (
        "as_of=x",
        "as_of=",
        "as_of=2026-02-31T00:00:00Z",
        "as_of=%00",
        "nonsense=1",
        "as_of=0000-01-01T00:00:00Z",
    ):
        assert api.administrator.get(f"/contracts/{contract}?{query}").status_code == 422, query
    for query in ("from=x", "to=2026-02-31", "from=%00", "from=0000-01-01", "from_=2026-01-01"):
        assert api.administrator.get(f"/contracts/{contract}/statement?{query}").status_code == 422, query
    for as_of in ("1970-01-01T00:00:00Z", "2199-12-31T00:00:00Z", "2026-03-02T10:00:00+01:00"):
        assert api.administrator.get(f"/contracts/{contract}?as_of={as_of}").status_code == 200, as_of


def test_service_requests(sample: SampleDesk, api: ApiClients) -> None:
    good = {"subject": "Help", "customer": sample.ann}
    bad: list[dict[str, Any]] = [{**good, "subject": value} for value in INVALID_TEXTS]
    bad += [{**good, "customer": value} for value in [*INVALID_IDS, None]]
    bad += [{**good, "item": value} for value in INVALID_IDS]
    bad += [{**good, "org_unit": value} for value in [*INVALID_IDS, sample.ann]]
    bad += [{**good, "priority": value} for value in ("urgent", "", 7, None)]
    bad += [{**good, "description": "x" * 100_000}, {**good, "description": "\u0000"}, {**good, "x": 1}, {}]
    bad += [{**good, "work_type": value} for value in ("", "\u0000", "x" * 1000, 7)]
    expect(sample, api, "POST", "/service-requests", bad, 422)
    expect(
        sample,
        api,
        "POST",
        "/coverage/preview",
        [{"customer": sample.ann, "at": value} for value in INVALID_INSTANTS if value is not None]
        + [{"customer": value} for value in INVALID_IDS],
        404,
        422,
    )


def test_transitions_and_work(sample: SampleDesk, api: ApiClients) -> None:
    sample.sell("support_hours", minutes=600, enable=True)
    request = sample.log()
    path = f"/service-requests/{request}"
    moves: list[dict[str, Any]] = [
        {"trigger": value} for value in ("cover", "log", "close", "", 7, None, "x" * 9999)
    ]
    moves += [
        {"trigger": "resolve"},
        {"trigger": "hold"},
        {"trigger": "hold", "reason": "boredom"},
        {"trigger": "cancel"},
    ]
    moves += [{"trigger": "start", "note": "\u0000"}, {"trigger": "start", "x": 1}, {}]
    expect(sample, api, "POST", f"{path}/transitions", moves, 409, 422)
    now = "2026-03-02T09:00:00Z"
    work: list[dict[str, Any]] = [{"minutes": value, "worked_at": now} for value in INVALID_MINUTES]
    work += [{"minutes": 5, "worked_at": value} for value in INVALID_INSTANTS]
    work += [{"started_at": "2026-03-02T08:00:00Z", "ended_at": value} for value in INVALID_INSTANTS]
    work += [
        {"started_at": "2026-03-02T08:00:00Z", "ended_at": "2026-03-02T07:00:00Z"},
        {"started_at": "2026-03-02T08:00:00Z", "ended_at": "2026-03-02T08:00:00Z"},
        {"started_at": "2026-03-02T08:00:00Z", "ended_at": "2026-03-02T10:00:00Z"},
        {"minutes": 5, "worked_at": "2027-01-01T00:00:00Z"},
        {"minutes": 5, "worked_at": now, "started_at": now, "ended_at": now},
        {"minutes": 5, "worked_at": now, "billable": "no"},
        {"minutes": 5, "worked_at": now, "not_billable_reason": "Goodwill"},
        {"minutes": 5, "worked_at": now, "billable": False, "not_billable_reason": " "},
        {"minutes": 5, "worked_at": now, "note": "\u0000"},
        {"minutes": 5},
        {},
    ]
    expect(sample, api, "POST", f"{path}/work", work, 422)
    expect(sample, api, "POST", f"{path}/work/preview", work, 422)
    entry = api.administrator.post(f"{path}/work", {"minutes": 30, "worked_at": now}).json
    assert entry is not None
    expect(
        sample, api, "PATCH", f"/work/{entry['id']}", [{"minutes": value} for value in INVALID_MINUTES], 422
    )
    expect(sample, api, "PATCH", path, [{"subject": value} for value in INVALID_TEXTS], 422)
    expect(sample, api, "PATCH", path, [{"customer": value} for value in [*INVALID_IDS, None]], 422)
    expect(
        sample,
        api,
        "POST",
        f"{path}/coverage",
        [{"contract": value, "reason": "x"} for value in INVALID_IDS],
        404,
        422,
    )
    expect(
        sample,
        api,
        "POST",
        f"{path}/notes",
        [{"body": value} for value in INVALID_TEXTS if value != " "],
        422,
    )


def test_unknown_ids(sample: SampleDesk, api: ApiClients) -> None:
    before = stored(sample)
    calls = [
        ("POST", "/contracts/nothing/enable", {}),
        ("POST", "/contracts/nothing/top-up", {"minutes": 5}),
        ("POST", "/contracts/nothing/cancel", {}),
        ("GET", "/contracts/nothing/statement", None),
        ("GET", "/contracts/nothing/statement.csv", None),
        ("POST", "/service-requests/nothing/transitions", {"trigger": "start"}),
        ("POST", "/service-requests/nothing/work", {"minutes": 5, "worked_at": "2026-03-02T09:00:00Z"}),
        ("GET", "/service-requests/nothing/history", None),
        ("GET", "/service-requests/nothing/decisions", None),
        ("GET", "/service-requests/nothing/work", None),
        ("POST", "/service-requests/nothing/coverage", {}),
        ("PATCH", "/service-requests/nothing", {"subject": "x"}),
        ("PATCH", "/work/nothing", {"note": "x"}),
        ("DELETE", "/work/nothing", None),
        ("GET", "/decisions/nothing", None),
    ]
    for method, path, body in calls:
        answer = api.administrator.call(method, path, body)
        assert answer.status_code == 404, (method, path, answer.text[:200])
    assert stored(sample) == before


def test_list_filters(sample: SampleDesk, api: ApiClients) -> None:
    sample.log()
    for path, names in (
        (
            "/service-requests",
            ("state", "priority", "customer", "item", "org_unit", "technician", "number", "q", "queue"),
        ),
        (
            "/contracts",
            ("holder", "org_unit", "type", "state", "number", "q", "ends_within_days", "awaiting_payment"),
        ),
        ("/ledger/transactions", ("kind", "contract", "cause")),
    ):
        for name in names:
            for value in ("%00", "", "x" * 5000, "%27%3B--"):
                answer = api.administrator.get(f"{path}?{name}={value}")
                assert answer.status_code in (200, 422), (path, name, value)
        for query in ("order=nonsense", "order=-", "cursor=x", "limit=0", "limit=1000"):
            assert api.administrator.get(f"{path}?{query}").status_code == 422, (path, query)
        assert api.administrator.get(f"{path}?limit=1").status_code == 200


def test_technicians_see_no_prices(sample: SampleDesk, api: ApiClients) -> None:
    price = {"amount_minor": 98765, "currency": "EUR"}
    contract = sample.sell("support_hours", minutes=60, price={"amount_minor": 98765}, enable=True)
    sample.set(default_overage_rate_minor=98765)
    request = sample.log()
    assert api.finance.get(f"/contracts/{contract}").json["price"] == price  # type: ignore[index]
    for path in (
        "/contracts",
        f"/contracts/{contract}",
        f"/contracts/{contract}/statement",
        f"/contracts/{contract}/audit",
        "/contract-types",
        "/settings",
        "/settings/changes",
        f"/service-requests/{request}",
        f"/service-requests/{request}/decisions",
        "/ledger/transactions",
    ):
        answer = api.technician.get(path)
        assert answer.status_code in (200, 403), path
        assert "98765" not in answer.text, path
    sold = api.technician.post("/contracts", {"type": "subscription", "holder": {"customer": sample.ann}})
    assert sold.status_code == 403


def test_a_refusal_by_the_rules_is_409_and_its_decision_is_stored(
    sample: SampleDesk, api: ApiClients
) -> None:
    refusing = (
        '{"name": "strict", "rank": ["ends_first"], "rules": [{"id": "none", "why": "No contract, no help.", '
        '"conditions": {"all": [{"name": "contract_validation", "operator": "is_true", "value": true}]}, '
        '"actions": [{"name": "refuse", "params": {"message": "Buy a contract first."}}]}], "examples": []}'
    )
    sample.publish_rules(coverage=refusing)
    body = {"subject": "Help", "customer": sample.ann}
    refused = api.technician.post("/service-requests", body, Idempotency_Key="k-1")
    assert (refused.status_code, refused.content_type) == (409, "application/problem+json")
    assert refused.json is not None
    assert "Buy a contract first." in refused.json["detail"]
    again = api.technician.post("/service-requests", body, Idempotency_Key="k-1")
    assert (again.status_code, again.json) == (409, refused.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert sample.rows(t.service_request) == []
    decision = api.administrator.get(f"/decisions/{refused.json['decision']}").json
    assert decision is not None
    assert (decision["outcome"], decision["service_request"]) == ("refused", None)
    assert len(sample.rows(t.coverage_decision)) == 1
