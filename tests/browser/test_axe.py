"""axe-core finds nothing on any page of the demonstration desk, for any role, in light and dark.

The pages are those of the application's own routes, with demonstration records in every state. axe-core comes
from npm as it is, with its licence: `vendor/axe-core`.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from engine.service_requests import WORK_STATES
from tests.support.api import ENVIRONMENT
from tests.support.builders import RULES
from tests.support.pages import new_session
from tests.support.share import EVERY, one_in
from tests.support.web_clients import COMPILED
from web import create_app
from workflows.commands.approvals import AskApproval
from workflows.commands.disputes import OpenDispute
from workflows.commands.people import EraseCustomer, SetLegalHold
from workflows.commands.register import NewCustomer
from workflows.commands.service_requests import MergeRequest
from workflows.commands.webhooks import NewWebhook
from workflows.core.actors import SYSTEM, Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.demo import LOGINS, load_demo
from workflows.disputes.use_cases import open_dispute
from workflows.jobs.definitions import run_job
from workflows.notifications.mail_links import make_approval_secret, make_quote_secret
from workflows.notifications.webhooks.endpoints import create_webhook, send_test
from workflows.operations.deployment import open_desk
from workflows.people.erasing import erase_customer
from workflows.people.legal_holds import set_legal_hold
from workflows.register import create_customer
from workflows.replay.use_cases import start_replay
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.publishing import publish_first
from workflows.store import tables as t
from workflows.users.password_links import show_link
from workflows.work.merging import merge_requests
from workflows.work.overage_approvals import ask_approval

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.browser import Pages

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
# Collapsed sections are checked as well; those of a group would close each other.
OPEN_ALL = """document.querySelectorAll("main details").forEach((one) => {
    one.removeAttribute("name");
    one.open = true;
})"""
FIND = """async (rules) => {
    const options = { resultTypes: ["violations"], ...(rules ? { runOnly: rules } : {}) };
    const found = await axe.run(document, options);
    return found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target}`));
}"""
QUERIES = {
    "/coverage": ["", "?customer=customer:{customer_id}"],
    "/invoices": ["", "?view=overdue", "?number=nothing-like-it"],
    "/ledger": ["?audit=run"],
    "/to-invoice": ["", "?view=waived"],
    "/bank-entries": ["", "?view=left"],
    "/requests": ["?view=open", "?view=all&q=nothing-like-it"],
    "/contracts": ["", "?view=running-out"],
    "/password/new": ["", "?link={link}"],
    "/search": ["?q=notebook"],
    "/quote": ["?link={quote_link}"],
    "/approval": ["?link={approval_link}"],
    "/approvals": ["", "?q=nothing-like-it"],
    "/quotes": ["", "?q=nothing-like-it"],
    "/disputes": ["", "?view=all", "?q=nothing-like-it"],
    "/disputes/new": ["?work_entry={entry_id}"],
    "/products": ["", "?q=nothing-like-it"],
    "/settings/retention": ["", "?mail_retention_months=12", "?mail_retention_months=361"],
    "/work-approval": ["", "?state=rejected", "?q=nothing-like-it"],
    "/work-approval/approve": ["?entry={entry_id}"],
    "/work-approval/reject": ["?entry={entry_id}"],
}
NOT_PAGES = {
    "accounting_exports.file",
    "contract.statement_csv",
    "contract.statement_pdf",
    "holder_statement.as_csv",
    "holder_statement.as_pdf",
    "invoice.cii",
    "invoice.pdf",
    "invoice.ubl",
    "log_request.coverage",
    "logo.picture",
    "log_request.parties",
    "pickers.pick",
    "replays.summary",
    "rule_editor.in_force",
    "rule_editor.schemas",
    "rules.proposal",  # the demonstration has no open proposal
    "sandbox.clock",  # only with the sandbox setting
}
OF_PEOPLE = {"customers.show", "erasure.show", "personal_data.show"}
"""Pages that are opened for a customer with a legal hold, and for one who was erased, too."""
OUTSIDE = {"static", "api", "operations", "typed"}


@pytest.fixture(scope="module")
def desk(migrated_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The demonstration desk, with a replay."""
    path = tmp_path_factory.mktemp("axe") / "demo.db"
    path.write_bytes(migrated_sqlite_template.read_bytes())
    made = open_desk(f"sqlite:///{path}")
    files = read_rules_folder(RULES)
    publish_first(made, files)
    load_demo(made)
    administrator = _actor(made, "administrator")
    assert administrator is not None
    files = dict(made.refresh().rules.files)  # the demonstration publishes a rate card
    _, running = start_replay(made, administrator, files, made.now() - timedelta(days=20), made.now())
    running.join()
    yield made
    made.database.dispose()


ROLES = ("administrator", "finance", "supervisor", "technician", "customer", "nobody")
SHARES = {"nobody": (1, 0), "administrator": (2, 0), "supervisor": (2, 1)}
"""Every how many pages a role sees by `make test`, and the first of them; the other roles see a sixth."""


@pytest.mark.parametrize("role", ROLES)
def test_axe_finds_nothing(desk: Desk, role: str, serve: Callable[..., str], pages: "Pages") -> None:
    app = create_app(desk, ENVIRONMENT)
    app.jinja_env.bytecode_cache = COMPILED
    address = serve(app)
    client = _client(app, desk, _actor(desk, role))
    # axe adds a style sheet of its own, which the pages' security policy does not allow
    options = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", "bypass_csp": True}
    page = pages.open(base_url=address, **options)
    page.context.add_init_script(path=AXE)
    session = client.get_cookie("session")
    if session is not None:
        page.context.add_cookies([{"name": "session", "value": session.value, "url": address}])
    found = {}
    paths = _paths(app, desk, every_state=EVERY and role in ("administrator", "customer"))
    every, first = SHARES.get(role, (6, ROLES.index(role)))
    paths = one_in(every, paths, first)
    for path in paths:
        answer = client.get(path)
        if answer.status_code == 200 and answer.mimetype == "text/html":
            for look, complaints in _complaints(page, path).items():
                if complaints:
                    found[f"{path} ({look})"] = complaints
    assert found == {}


def test_every_route_is_a_page_that_is_visited(desk: Desk) -> None:
    """A new page is checked, or named among those that are none."""
    app = create_app(desk, ENVIRONMENT)
    rules = {rule.endpoint for rule in app.url_map.iter_rules() if _is_read(rule.endpoint, rule.methods)}
    assert rules >= NOT_PAGES
    opened = set()
    for role in ("administrator", "customer", "nobody"):
        client = _client(app, desk, _actor(desk, role))
        adapter = app.url_map.bind("localhost")
        for path in _paths(app, desk):
            if client.get(path).status_code == 200:
                opened.add(adapter.match(path.split("?")[0], method="GET")[0])
    assert opened == rules - NOT_PAGES


def _complaints(page: "Page", path: str) -> dict[str, list[str]]:
    """What axe finds on a page, by look; only colours differ between the two."""
    page.emulate_media(color_scheme="light")
    page.goto(path)
    page.evaluate(OPEN_ALL)
    light = page.evaluate(FIND, None)
    page.emulate_media(color_scheme="dark")
    return {"light": light, "dark": page.evaluate(FIND, ["color-contrast", "link-in-text-block"])}


def _paths(app: Flask, desk: Desk, *, every_state: bool = False) -> list[str]:
    """The addresses of all pages; with `every_state` those of requests and contracts once for each state."""
    found = []
    for rule in app.url_map.iter_rules():
        if not _is_read(rule.endpoint, rule.methods) or rule.endpoint in NOT_PAGES:
            continue
        people = _people(desk) if rule.endpoint in OF_PEOPLE else []
        for values in _records(desk, rule.endpoint) if every_state else [_any_record(desk), *people]:
            path = rule.rule
            for name in rule.arguments.difference(rule.defaults or ()):
                path = path.replace(f"<{name}>", values[name])
            queries = QUERIES.get(rule.rule, [""])
            found += [path + query.format(**values) for query in queries]
    return list(dict.fromkeys(found))


def _people(desk: Desk) -> list[dict[str, str]]:
    """A customer with a legal hold and one who was erased; both are made where there are none."""
    administrator = _actor(desk, "administrator")
    assert administrator is not None

    def add(tx: Transaction) -> list[str]:
        held, erased = (
            create_customer(tx, NewCustomer(name=name, email=f"{name}@example.com"))
            for name in ("Hera", "Fred")
        )
        set_legal_hold(tx, held, SetLegalHold(reason="Case 12"))
        erase_customer(tx, erased, EraseCustomer(name="Fred", reason="Asked for it"))
        return [held, erased]

    with desk.database.read() as connection:
        holds, erasures = (
            list(connection.execute(select(table.c.customer_id)).scalars())
            for table in (t.legal_hold, t.erasure)
        )
    found = [*holds, *erasures] or desk.perform(administrator, add)
    return [{**_any_record(desk), "customer_id": one} for one in found]


def _is_read(endpoint: str, methods: set[str] | None) -> bool:
    return "GET" in (methods or ()) and endpoint.split(".")[0] not in OUTSIDE


def _records(desk: Desk, endpoint: str) -> list[dict[str, str]]:
    """The arguments with which a page is opened."""
    states = {
        "service_request.show": t.service_request,
        "contract.show": t.contract,
        "invoice.show": t.invoice,
    }
    if endpoint in OF_PEOPLE:
        return [_any_record(desk), *_people(desk)]
    if endpoint == "quotes.show":
        with desk.database.read() as connection:
            every = connection.execute(select(t.quote.c.id)).scalars().all()
        return [{**_any_record(desk), "quote_id": one} for one in every]
    if endpoint not in states:
        return [_any_record(desk)]
    table = states[endpoint]
    with desk.database.read() as connection:
        by_state = {row.state: row for row in connection.execute(select(table).order_by(table.c.id))}
    name = f"{table.name}_id"
    return [{**_any_record(desk), name: row.id} for row in by_state.values()]


def _any_record(desk: Desk) -> dict[str, str]:
    """A record for each argument of an address."""
    with desk.database.read() as connection:

        def first(column: object) -> str:
            return str(connection.execute(select(column).limit(1)).scalar_one())  # type: ignore[call-overload]

        entry = connection.execute(select(t.work_entry).limit(1)).one()
        price = connection.execute(
            select(t.product_price)
            .join(t.product, t.product.c.id == t.product_price.c.product_id)
            .where(t.product.c.offered, t.product.c.kind == "contract_type")
            .order_by(t.product_price.c.first_on.desc())
        ).first()
        assert price is not None
        drafts = select(t.invoice.c.id).where(t.invoice.c.state == "draft")
        draft = str(connection.execute(drafts.limit(1)).scalar_one())
        return {
            "service_request_id": entry.service_request_id,
            "entry_id": entry.id,
            "merged_id": _merged(desk),
            "contract_id": first(t.contract.c.id),
            "customer_id": first(t.customer.c.id),
            "org_unit_id": first(t.org_unit.c.id),
            "item_id": first(t.item.c.id),
            "invoice_id": draft,
            "payment_id": first(t.payment.c.id),
            "bank_statement_id": first(t.bank_statement.c.id),
            "bank_entry_id": str(
                connection.execute(
                    select(t.bank_entry.c.id).where(t.bank_entry.c.state == "offered").limit(1)
                ).scalar_one()
            ),
            "sold_item_id": str(
                connection.execute(
                    select(t.sold_item.c.id).where(t.sold_item.c.kind == "part").limit(1)
                ).scalar_one()
            ),
            "sale_id": first(t.recurring_sale.c.id),
            "action": "credit",
            "user_id": first(t.user_account.c.id),
            "product_id": price.product_id,
            "price_id": price.id,
            "quote_id": first(t.quote.c.id),
            "quote_link": _quote_link(desk),
            **_approval(desk),
            "dispute_id": _dispute(desk, entry.id),
            "version": first(t.rule_set.c.version),
            "replay_id": first(t.rule_replay.c.id),
            "group": "waiting",
            "month": "2026-01",
            "key": "request_resolved",
            "link": _password_link(desk),
            **_webhook(desk),
        }


def _merged(desk: Desk) -> str:
    """A request that is merged into another one of its customer; two are merged where none is."""
    r = t.service_request.c
    with desk.database.read() as connection:
        found = connection.execute(select(r.id).where(r.merged_into_id.is_not(None)).limit(1)).scalar()
        if found is not None:
            return str(found)
        rows = connection.execute(select(r.id, r.customer_id).where(r.state.in_(WORK_STATES))).all()
    one, other = next((a.id, b.id) for a, b in combinations(rows, 2) if a.customer_id == b.customer_id)
    supervisor = _actor(desk, "supervisor")
    assert supervisor is not None
    desk.perform(supervisor, lambda tx: merge_requests(tx, one, MergeRequest(into=other)))
    return str(one)


def _webhook(desk: Desk) -> dict[str, str]:
    """A webhook with a failed delivery; both are made where there is none."""
    d = t.webhook_delivery.c
    with desk.database.read() as connection:
        found = connection.execute(select(d.endpoint_id, d.id).limit(1)).one_or_none()
    if found is not None:
        return {"webhook_id": str(found.endpoint_id), "delivery_id": str(found.id)}
    administrator = _actor(desk, "administrator")
    assert administrator is not None
    command = NewWebhook(url="https://hooks.example/desk", description="The data warehouse")
    webhook, _ = desk.perform(administrator, lambda tx: create_webhook(tx, command))
    delivery = desk.perform(administrator, lambda tx: send_test(tx, webhook))
    run_job(desk, "deliver_webhooks")
    return {"webhook_id": webhook, "delivery_id": delivery}


def _dispute(desk: Desk, entry_id: str) -> str:
    """An open dispute; one about a work entry is opened where there is none."""
    with desk.database.read() as connection:
        found = connection.execute(select(t.dispute.c.id).where(t.dispute.c.state == "open")).scalar()
    if found is not None:
        return str(found)
    supervisor = _actor(desk, "supervisor")
    assert supervisor is not None
    command = OpenDispute(work_entry=entry_id, reason="The call took ten minutes.")
    return desk.perform(supervisor, lambda tx: open_dispute(tx, command))


def _quote_link(desk: Desk) -> str:
    """The secret of a link to the quote that is open."""
    link, version = t.quote_link.c, t.quote_version.c
    with desk.database.read() as connection:
        latest = select(link.id).join(t.quote_version, version.id == link.version_id)
        found = connection.execute(latest.order_by(version.sent_at.desc()).limit(1)).scalar_one()
    return desk.perform(SYSTEM, lambda tx: make_quote_secret(tx, str(found)))


def _approval(desk: Desk) -> dict[str, str]:
    """An approval that is asked for, and the secret of its link."""
    r, link = t.service_request.c, t.approval_link.c
    supervisor = _actor(desk, "supervisor")
    assert supervisor is not None
    with desk.database.read() as connection:
        request = connection.execute(select(r.id).where(r.state.in_(WORK_STATES)).limit(1)).scalar_one()
    command = AskApproval(minutes=60, reason="The disk has to be restored")
    approval = desk.perform(supervisor, lambda tx: ask_approval(tx, str(request), command))
    with desk.database.read() as connection:
        found = connection.execute(select(link.id).where(link.approval_id == approval)).scalar_one()
    secret = desk.perform(SYSTEM, lambda tx: make_approval_secret(tx, str(found)))
    return {"approval_id": approval, "approval_link": secret}


def _password_link(desk: Desk) -> str:
    administrator, technician = _actor(desk, "administrator"), _actor(desk, "technician")
    assert administrator is not None
    assert technician is not None
    user_id = str(technician.id)
    link = desk.perform(administrator, lambda tx: show_link(tx, user_id, None))
    return link.url.partition("link=")[2]


def _actor(desk: Desk, role: str) -> Actor | None:
    if role == "nobody":
        return None
    [login] = [one for one in LOGINS if one.role == role]
    with desk.database.read() as connection:
        row = connection.execute(select(t.user_account).filter_by(email=login.email)).one()
    return Actor(row.id, row.name, row.role, row.customer_id)


def _client(app: Flask, desk: Desk, actor: Actor | None) -> FlaskClient:
    """A client logged in as the actor, or not logged in."""
    client = app.test_client()
    if actor is None:
        return client
    with client.session_transaction() as session:
        session["_user_id"] = new_session(desk, actor)
        session["_fresh"] = True
    return client
