"""On every reading route a call whose connection is lost in flight gets the answer it would have got."""

import os
import re
from collections.abc import Iterator
from io import BytesIO
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from tests.support.faults import Fault, counting
from tests.support.postgres import PostgresServer
from tests.web.faults.calls import PARTS, Call
from tests.web.faults.stage import Stage, open_stage
from workflows.people.export import EXPORTED

EVERY_STATEMENT = os.environ.get("COVERDESK_FAULTS") == "all"
LOST = (Fault.LOST_BEFORE, Fault.LOST_AFTER)
OTHERS = {"/static/<path:filename>", "/healthz", "/api/openapi.json", "/api/docs", "/login"}
"""Routes that read nothing, and the login, which only redirects a user who has logged in."""
NEW_EACH_TIME = re.compile(r"[\w.-]{60,}|\b[0-9a-f]{32}\b|nonce-[\w-]+|nonce=\"[\w-]+\"|\d+\.\d+(e-\d+)?")
"""Tokens, keys and nonces of forms, and the times that metrics measure."""
QUERIES = {
    "/api/v1/accounting-exports/pending": "format=csv&to_on=2026-03-02",
    "/api/v1/coverage/bulk": "group=waiting",
    "/api/v1/settings/time-zone-change": "time_zone=Europe/Berlin",
    "/requests/coverage": "customer=customer%3A{ann}",
    "/requests/parties": "customer=customer%3A{ann}",
    "/password/new": "link={link}",
    "/quote": "link={quote_link}",
    "/approval": "link={approval_link}",
    "/disputes/new": "work_entry={entry}",
    "/search": "q=laptop",
    "/pick/<name>": "kinds=customer&q=Ann",
    "/work-approval/approve": "entry={entry}",
    "/work-approval/reject": "entry={entry}",
    "/coverage": "customer=customer%3A{ann}",
}
NAMES = {**PARTS, "version": "version", "decision": "decision"}
NO_TEXT = ("application/pdf", "image/png")
PDF_MADE_AT = re.compile(r"D:\d{14}Z?|/ID \[[^]]*]|<xmp:.*?>", re.ASCII)
ISSUED = re.compile(r"/(api/v1/)?invoices/<invoice_id>(/document|/e-invoice)?\.(pdf|xml|ubl\.xml)")
"""Addresses of the documents that only issued invoices have."""
OF_CUSTOMERS = re.compile(r"(/api/v1)?/offers\b")
"""Routes that only customers may read."""
OWN_RECORDS = {
    "/api/v1/customers/<customer_id>/erasure": {"customer_id": "erased"},
    "/api/v1/customers/<customer_id>/legal-hold": {"customer_id": "held"},
    "/offers/<product_id>": {"product_id": "offered_product"},
    "/requests/<service_request_id>/sold-items/<sold_item_id>": {"sold_item_id": "request_sold_item"},
}
"""Records that a route wants other than the usual ones."""
CHOICE = re.compile(r"<any\((\w+)[^)]*\):\w+>")
"""A part of an address that is one of several words, of which the first is taken."""
WORDS = {"group": "waiting", "name": "customer", "action": "credit"}


@pytest.fixture(scope="module")
def stage(postgres_server: PostgresServer, migrated_postgres_template: str) -> Iterator[Stage]:
    """The desk that is read: one copy for all tests, since nothing changes."""
    with (
        capture_logs(),
        open_stage(postgres_server, migrated_postgres_template) as opened,
        opened.copy(Call()),
    ):
        yield opened


def client_for(stage: Stage, rule: str) -> FlaskClient:
    """Someone who may read a route: an administrator, or a customer; at the pages or at the API."""
    role = "customer" if OF_CUSTOMERS.match(rule) else "administrator"
    client = stage.app.test_client()
    if rule.startswith("/api/v1/"):
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {stage.records['tokens'][role]}"
        return client
    with client.session_transaction() as session:
        session["_user_id"] = stage.records["sessions"][role]
        session["_fresh"] = True
    return client


def test_every_read_is_answered_when_its_connection_is_lost(stage: Stage) -> None:
    wrong = []
    for rule in routes(stage):
        address = stage.text(address_of(stage, rule))
        client = client_for(stage, rule)
        first, count = read(stage, client, address)
        assert first.status_code == 200, (address, first.data[:300])
        assert count, f"{rule} reads nothing"
        few = [(Fault.LOST_BEFORE, count // 2), (Fault.LOST_AFTER, count - 1)]
        every = [(fault, number) for fault in LOST for number in range(count)]
        for fault, number in every if EVERY_STATEMENT else few:
            again, _ = read(stage, client, address, fault, number)
            if again.status_code != 200 or seen(again) != seen(first):
                wrong.append(f"{address}, {fault.name} at {number} of {count}: {again.status_code}")
    assert wrong == []


def read(
    stage: Stage, client: FlaskClient, address: str, fault: Fault | None = None, number: int = -1
) -> tuple[TestResponse, int]:
    """Read with connections that are open; returns the response and the number of statements.

    The whole response is read, as by a server: some are read from the database while they are sent.
    """
    stage.app.extensions["coverdesk"].database.dispose()
    client.get(address, buffered=True)
    with counting(fault, number) as plan:
        response = client.get(address, buffered=True)
    assert plan.happened == (fault is not None), f"{address} has {plan.count} statements this time"
    return response, plan.count


def routes(stage: Stage) -> list[str]:
    rules = {rule.rule for rule in stage.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    return sorted(rules - OTHERS)


def address_of(stage: Stage, rule: str) -> str:
    path = CHOICE.sub(r"\1", rule)
    names = NAMES | (
        {"invoice_id": "issued_invoice"} if ISSUED.fullmatch(rule) else OWN_RECORDS.get(rule, {})
    )
    path = re.sub(r"<(\w+)>", lambda part: WORDS.get(part[1]) or str(stage.records[names[part[1]]]), path)
    query = "field=typed&typed=2" if rule.startswith("/typed/") else QUERIES.get(rule)
    return f"{path}?{query}" if query else path


def seen(response: TestResponse) -> str:
    """What a response shows. A PDF file names the instant at which it was made.

    An export of a customer has the events of those before it.
    """
    if response.mimetype == "application/zip":
        with ZipFile(BytesIO(response.data)) as archive:
            files = {name: archive.read(name).decode("latin-1") for name in archive.namelist()}
        lines = [f"{name}: {line}" for name, text in files.items() for line in text.splitlines()]
        return PDF_MADE_AT.sub("#", "\n".join(line for line in lines if EXPORTED not in line))
    is_ansi = "windows-1252" in (response.content_type or "")
    is_binary = is_ansi or (response.mimetype or "").startswith(("application/pdf", "image/"))
    text = response.data.decode("latin-1" if is_binary else "utf-8")
    return PDF_MADE_AT.sub("#", NEW_EACH_TIME.sub("#", text))
