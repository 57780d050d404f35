"""No page and no answer shows a technician what something costs, or what a contract in money pays for work.

Technicians see balances, also in money: what was bought, what is drawn in sum, and what is left.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from itertools import product
from typing import Any

from pypdf import PdfReader
from werkzeug.test import TestResponse

from tests.rules.files import shipped_files
from tests.support.api import ApiClients
from tests.support.rate_cards import rate_card
from tests.support.sample_desk import SampleDesk
from tests.support.web_clients import WebClients
from workflows.commands.approvals import AskApproval
from workflows.commands.disputes import AcceptStatement, OpenDispute
from workflows.contracts.acceptance import accept_statement
from workflows.disputes.use_cases import open_dispute
from workflows.store import tables as t
from workflows.work.overage_approvals import ask_approval

BOUGHT, HOUR = 90_000, 12_038
"""Minor units, as all amounts here: what is in the contract, and the price of an hour of work."""
SECRETS = {
    "the price of the contract": 54_321,
    "the price of a contract by a rule": 43_219,
    "the overage rate": 23_457,
    "what is asked for, half an hour of it": 11_729,
    "the price of an hour": HOUR,
    "the draw of half an hour": 6_019,
    "the draw of a quarter": 3_010,
    "the draw of 20 minutes": 4_013,
    "what the first draw left": BOUGHT - 6_019,
}
OTHER_RECORDS = {
    "accounting_export", "bank_entry", "bank_statement", "invoice", "payment", "period", "month", "product",
    "price", "quote", "recurring_sale", "sale", "sold_item", "proposal", "replay", "version", "user",
    "template", "key", "webhook", "delivery", "merged",
}  # fmt: skip
"""Records that show neither contracts nor work, or not to technicians; other tests have their prices."""
WORDS = {"action", "group", "name", "unit", "filename"}
"""Parts of an address that are no record."""


def stage(sample: SampleDesk) -> dict[str, list[str]]:
    """A contract in money that has paid for work; the ids of what there is, by the names in addresses."""
    coverage = json.loads(shipped_files()["coverage.json"])
    terms = {"type": "per_request", "price_minor": SECRETS["the price of a contract by a rule"]}
    coverage["rules"][-1]["actions"][0]["params"] = terms
    coverage["examples"] = []
    sample.set(time_expired_contract="ignore")
    sample.publish_rules(rate_cards__standard=rate_card(HOUR), coverage=json.dumps(coverage))
    waiting = sample.log()
    contract = sample.sell(
        "prepaid_amount",
        money={"amount_minor": BOUGHT},
        price={"amount_minor": SECRETS["the price of the contract"]},
        overage_rate={"amount_minor": SECRETS["the overage rate"]},
    )
    request = sample.log()
    started_at = sample.clock.move(hours=1)
    sample.work(request, 30)
    sample.clock.move(days=8)
    sample.work(request, 15)
    ann = sample.person("customer", "Ann", customer=sample.ann)
    sample.do_as(ann, accept_statement, contract, AcceptStatement())
    sample.clock.move(hours=1)
    sample.work(request, 20, at=started_at + timedelta(hours=2))
    lines = sample.rows(t.ledger_transaction, contract_id=contract, kind="draw")
    objection = OpenDispute(statement_line=lines[0].id, reason="Too much.")
    asked = AskApproval(minutes=30, reason="More to do.")
    return {
        "contract": [contract, sample.rows(t.contract, holder_id=waiting)[0].id],
        "service_request": [request, waiting],
        "entry": [row.id for row in sample.entries(request)],
        "decision": [row.id for row in sample.rows(t.coverage_decision)],
        "dispute": [sample.do_as(ann, open_dispute, objection)],
        "approval": [sample.do_as(sample.technician, ask_approval, request, asked)],
        "customer": [sample.ann],
        "item": [sample.laptop],
        "org_unit": [sample.site],
    }


def test_every_address_that_is_read(web: WebClients) -> None:
    records, clients = stage(web.sample), ApiClients(web.sample)
    shown: dict[str, set[str]] = defaultdict(set)
    leaks = {}
    for path in addresses(web, records):
        answers = {}
        for role in ("supervisor", "technician"):
            if path.startswith("/api/v1/"):
                answers[role] = getattr(clients, role).get(path.removeprefix("/api/v1"))
            else:
                answers[role] = web.of_role(role).client.get(path)
        for secret in secrets_in(answers["supervisor"]):
            shown[secret].add(path)
        if found := secrets_in(answers["technician"]):
            leaks[path] = found
    assert leaks == {}
    assert shown.keys() == SECRETS.keys(), "each is shown to a supervisor somewhere"
    contract = web.technician.open(f"/contracts/{records['contract'][0]}")
    assert "€769.58 of €900.00 left" in contract, "technicians see balances"
    assert "At this rate it will run out" in contract
    assert "not shown" in contract


def test_the_preview_of_a_technician_s_work(web: WebClients) -> None:
    sample, records = web.sample, stage(web.sample)
    request, clients = records["service_request"][0], ApiClients(sample)
    work = {"minutes": 15, "worked_at": sample.clock.now().isoformat()}
    late = {"minutes": 15, "worked_at": (sample.clock.now() - timedelta(days=8)).isoformat()}
    path = f"/service-requests/{request}/work/preview"
    for body in (work, late):
        answer = clients.technician.post(path, body)
        assert answer.status_code == 200, answer.text
        assert list(amounts_in(answer.get_json())) == []
    left = clients.supervisor.post(path, work).get_json()["leaves_money"]
    assert left[records["contract"][0]]["amount_minor"] == 76_958 - 3_010


def addresses(web: WebClients, records: dict[str, list[str]]) -> Iterator[str]:
    """Every address that is read, with each of the records that it may be about."""
    for rule in web.app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()):
            continue
        arguments = rule.arguments - (rule.defaults or {}).keys()
        names = [name.removesuffix("_id") for name in arguments]
        if any(name not in records for name in names):
            unknown = {*names} - records.keys() - OTHER_RECORDS - WORDS - {"token", "message", "session"}
            assert not unknown, f"{rule.rule}: whether technicians see amounts there is not tested"
            continue
        for values in product(*(records[name] for name in names)):
            path = rule.rule
            for name, value in zip(arguments, values, strict=True):
                path = re.sub(rf"<(\w+:)?{name}>", value, path)
            yield path


def secrets_in(answer: TestResponse) -> set[str]:
    if answer.status_code != 200:
        return set()
    text = answer.get_data(as_text=True) if answer.mimetype != "application/pdf" else pdf_text(answer)
    return {secret for secret, amount in SECRETS.items() if written(amount).search(text)}


def pdf_text(answer: TestResponse) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(answer.data)).pages)


def written(amount_minor: int) -> re.Pattern[str]:
    """Every way in which an amount may be written: 6019, 60.19, 60,19."""
    whole, cents = divmod(amount_minor, 100)
    return re.compile(rf"(?<!\d)(?<!\d[.,])({amount_minor}|{whole}[.,]{cents:02d})(?!\d)")


def amounts_in(body: Any, at: str = "") -> Iterator[str]:
    """Where a preview has an amount of money."""
    if isinstance(body, list):
        for one in body:
            yield from amounts_in(one, at)
    elif isinstance(body, dict):
        for name, value in body.items():
            if name.endswith("_minor") and value is not None:
                yield f"{at}/{name}"
            yield from amounts_in(value, f"{at}/{name}")
