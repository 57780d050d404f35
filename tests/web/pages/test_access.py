"""Access to pages by role, CSRF protection and security headers."""

from typing import Any

import pytest
from werkzeug.routing import Rule

from tests.support.web_clients import WebClients
from workflows.store import tables as t

STAFF = ("administrator", "finance", "supervisor", "technician")
DESK = ("administrator", "supervisor", "technician")
SELLERS = ("administrator", "finance", "supervisor")
EVERYONE = (*STAFF, "customer")
PAGES: list[tuple[str, tuple[str, ...]]] = [
    ("/", EVERYONE),
    ("/requests", EVERYONE),
    ("/requests?view=all&format=csv", EVERYONE),
    ("/requests/new", (*DESK, "customer")),
    ("/requests/{service_request}", EVERYONE),
    ("/requests/{service_request}/edit", DESK),
    ("/requests/{service_request}/work/{entry}", DESK),
    ("/requests/{service_request}/work/recalculate", ("supervisor", "administrator")),
    ("/requests/{service_request}/sold-items/new", STAFF),
    ("/approvals", EVERYONE),
    ("/approvals?format=csv", EVERYONE),
    ("/contracts", EVERYONE),
    ("/contracts?format=csv", EVERYONE),
    ("/contracts/new", SELLERS),
    ("/contracts/{contract}", EVERYONE),
    ("/contracts/{contract}/statement.csv", EVERYONE),
    ("/quotes", (*SELLERS, "customer")),
    ("/quotes?format=csv", (*SELLERS, "customer")),
    ("/quotes/new", SELLERS),
    ("/offers", ("customer",)),
    ("/products", SELLERS),
    ("/products?format=csv", SELLERS),
    ("/products/new", ("administrator", "finance")),
    ("/products/import", ("administrator", "finance")),
    ("/disputes", EVERYONE),
    ("/disputes?view=all&format=csv", EVERYONE),
    ("/disputes/new?work_entry={entry}", EVERYONE),
    ("/coverage", STAFF),
    ("/coverage?customer=customer:{customer}", STAFF),
    ("/customers", STAFF),
    ("/customers/{customer}", EVERYONE),
    ("/customers/new", DESK),
    ("/customers/{customer}/erasure", ("administrator",)),
    ("/erasures", ("administrator",)),
    ("/erasures?format=csv", ("administrator",)),
    ("/org-units", EVERYONE),
    ("/org-units/{org_unit}", EVERYONE),
    ("/org-units/new", ("administrator", "supervisor")),
    ("/items", EVERYONE),
    ("/items/{item}", EVERYONE),
    ("/items/new", DESK),
    ("/search?q=ann", EVERYONE),
    ("/account", EVERYONE),
    ("/account/sessions", EVERYONE),
    ("/invoices", (*SELLERS, "customer")),
    ("/invoices?format=csv", (*SELLERS, "customer")),
    ("/invoices/new", SELLERS),
    ("/payments", SELLERS),
    ("/payments?format=csv", SELLERS),
    ("/to-invoice", SELLERS),
    ("/recurring-sales", SELLERS),
    ("/recurring-sales?format=csv", SELLERS),
    ("/recurring-sales/new", SELLERS),
    ("/to-invoice?format=csv", SELLERS),
    ("/time-to-bill", SELLERS),
    ("/time-to-bill?format=csv", SELLERS),
    ("/time-to-bill/draft?party=customer:{customer}", SELLERS),
    ("/customers/{customer}/billing", SELLERS),
    ("/customers/{customer}/personal-data", ("administrator",)),
    ("/org-units/{org_unit}/billing", SELLERS),
    ("/billing", ("administrator",)),
    ("/billing/search/waiting", ("administrator", "supervisor")),
    ("/settings", ("administrator",)),
    ("/settings/logo", ("administrator",)),
    ("/settings/retention", ("administrator",)),
    ("/settings/retention?mail_retention_months=12", ("administrator",)),
    ("/rules", SELLERS),
    ("/users", ("administrator",)),
    ("/users/new", ("administrator",)),
    ("/users/{user}", ("administrator",)),
    ("/audit", ("administrator",)),
    ("/audit?view=logins&format=csv", ("administrator",)),
    ("/jobs", ("administrator",)),
    ("/outbox", ("administrator",)),
    ("/mail-templates", ("administrator",)),
    ("/mail-templates/sla_breach", ("administrator",)),
    ("/webhooks", ("administrator",)),
    ("/webhooks/new", ("administrator",)),
    ("/alerts", STAFF),
    ("/alerts?kind=sla_breach&format=csv", STAFF),
    ("/uncovered-time", STAFF),
    ("/uncovered-time?every=yes&format=csv", STAFF),
    ("/ledger", SELLERS),
    ("/bank-statements", ("administrator", "finance")),
    ("/bank-entries", ("administrator", "finance")),
    ("/ledger?audit=run", SELLERS),
    ("/accounts/trial-balance", ("administrator", "finance")),
    ("/accounts/deferred-revenue?as_of=2026-03-31", ("administrator", "finance")),
    ("/accounts/receivables?format=csv", ("administrator", "finance")),
    ("/accounting-exports", ("administrator", "finance")),
    ("/accounting-exports?format=csv", ("administrator", "finance")),
    ("/reports", SELLERS),
    ("/reports/margin", ("administrator", "finance")),
    ("/reports/margin?format=csv", ("administrator", "finance")),
    ("/reports/margin/revenue", ("administrator", "finance")),
    ("/reports/margin/revenue?format=csv", ("administrator", "finance")),
    ("/reports/cost-rates", ("administrator", "finance")),
    ("/reports/cost-rates?format=csv", ("administrator", "finance")),
    ("/reports/endings", SELLERS),
    ("/reports/endings?format=csv", SELLERS),
    ("/reports/hours", SELLERS),
    ("/reports/hours?by=contract&format=csv", SELLERS),
    ("/reports/service-levels", SELLERS),
    ("/reports/service-levels?by=customer&format=csv", SELLERS),
    ("/reports/service-levels/requests", SELLERS),
    ("/reports/service-levels/requests?counted=response_missed&format=csv", SELLERS),
    ("/reports/utilization", SELLERS),
    ("/reports/utilization?by=contract&format=csv", SELLERS),
    ("/reports/utilization/entries", SELLERS),
    ("/reports/utilization/entries?contract=-&format=csv", SELLERS),
    ("/reports/due-not-raised", SELLERS),
    ("/reports/due-not-raised?kind=sale&format=csv", SELLERS),
    ("/reports/uncovered", SELLERS),
    ("/reports/uncovered?by=customer_and_month&format=csv", SELLERS),
]


@pytest.mark.parametrize("role", EVERYONE)
def test_each_page_opens_only_for_its_roles(web: WebClients, role: str) -> None:
    ids = {**vars(web.records), "user": str(web.sample.technician.id)}
    browser = web.of_role(role)
    wrong = {}
    for path, roles in PAGES:
        page = browser.open(path.format(**ids))
        expected = {200} if role in roles else {403, 404}
        if page.status not in expected:
            wrong[path] = page.status
        elif role not in roles:
            assert "What to do:" in page
    assert wrong == {}


def test_anonymous_users_get_the_login_form(web: WebClients) -> None:
    ids = {**vars(web.records), "user": str(web.sample.technician.id)}
    for path, _ in PAGES:
        answer = web.nobody.client.get(path.format(**ids))
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/login?next="), path
    assert "Sign in" in web.nobody.open("/")


@pytest.mark.parametrize(
    "path",
    [
        "/requests/{other_request}",
        "/contracts/{other_contract}",
        "/contracts/{other_contract}/statement.csv",
        "/customers/{other_customer}",
        "/requests/nothing",
        "/contracts/nothing",
        "/customers/nothing",
    ],
)
def test_records_of_other_customers_are_not_found(web: WebClients, path: str) -> None:
    page = web.ann.open(path.format(**vars(web.records)))
    assert page.status == 404
    assert "Bob" not in page


def test_a_customer_finds_only_own_records(web: WebClients) -> None:
    records = web.records
    for path in ("/requests?view=all", "/contracts", "/search?q=bob", "/requests?view=all&format=csv"):
        page = web.ann.open(path)
        assert "Bob" not in page.text.replace("“bob”", ""), path
    page = web.ann.open("/requests?view=all")
    assert "The laptop is slow" in page
    assert "/edit" not in page.html
    assert not web.ann.open(f"/requests/{records.service_request}").has_form("/work")


def test_technicians_see_no_prices(web: WebClients) -> None:
    sold = web.sample.sell("subscription", price={"amount_minor": 49900})
    assert "€499.00" in web.supervisor.open(f"/contracts/{sold}")
    assert "499" not in web.technician.open(f"/contracts/{sold}").text
    assert "499" not in web.technician.open("/contracts").text


# ------------------------------------------------------------------ CSRF protection


def test_no_post_changes_anything_without_the_csrf_token(web: WebClients) -> None:
    ids = {**vars(web.records), "user_id": str(web.sample.technician.id)}
    browser = web.administrator  # has its session before anything is compared
    before = _everything(web)
    rules = [rule for rule in web.app.url_map.iter_rules() if _is_page_post(web, rule)]
    assert len(rules) > 30
    for rule in rules:
        path = _filled(rule, ids)
        answer = browser.client.post(path, data={"reason": "x", "email": "a@b.example"})
        assert answer.status_code < 500, path
        assert _everything(web) == before, path


def test_the_csrf_token_of_another_session_is_refused(web: WebClients) -> None:
    records = web.records
    page = web.technician.open(f"/requests/{records.service_request}")
    form = page.form("/moves/resolve")
    sent = {**form.values, "resolve_note": "Done"}
    answer = web.supervisor.client.post(form.action, data=sent)
    assert answer.status_code == 422
    assert web.sample.request(records.service_request).state == "in_progress"


def _is_page_post(web: WebClients, rule: Rule) -> bool:
    blueprint = rule.endpoint.split(".")[0]
    outside = {"static", "api", "operations", "login"}
    return "POST" in (rule.methods or ()) and not rule.rule.startswith("/api") and blueprint not in outside


def _filled(rule: Rule, ids: dict[str, str]) -> str:
    known = {
        "service_request_id": ids["service_request"],
        "contract_id": ids["contract"],
        "customer_id": ids["customer"],
        "org_unit_id": ids["org_unit"],
        "item_id": ids["item"],
        "entry_id": ids["entry"],
        "user_id": ids["user_id"],
        "trigger": "resolve",
        "action_name": "cancel",
        "action": "start",
        "group": "waiting",
        "name": "auto_close",
    }
    path = rule.rule
    for name in rule.arguments:
        path = path.replace(f"<{name}>", known.get(name, "x"))
    return path


def _everything(web: WebClients) -> dict[str, list[Any]]:
    return {table.name: sorted(map(str, web.sample.rows(table))) for table in t.metadata.sorted_tables}


# ------------------------------------------------------------------ headers


def test_every_response_has_the_security_headers(web: WebClients) -> None:
    for path in ("/login", "/requests", "/nothing-here", "/static/css/tokens.css", "/healthz"):
        answer = web.technician.client.get(path)
        answer.close()
        headers = answer.headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
    assert web.technician.client.get("/requests").headers["Cache-Control"] == "no-store"
    page = web.technician.client.get("/requests").get_data(as_text=True)
    assert "<script>" not in page
    assert " style=" not in page
    assert " onclick=" not in page


def test_static_files_are_cached_by_content_hash(web: WebClients) -> None:
    page = web.nobody.open("/login")
    address = page.html.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = web.nobody.client.get(address)
    answer.close()
    assert "immutable" in answer.headers["Cache-Control"]
