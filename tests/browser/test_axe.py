"""axe-core finds nothing on any page of the demonstration desk, for any role, in light and dark.

The pages are those of the application's own routes, with demonstration records in every state. axe-core comes
from npm as it is, with its licence: `vendor/axe-core`.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.api import ENVIRONMENT
from tests.support.builders import RULES
from tests.support.pages import new_session
from tests.support.web_clients import COMPILED
from web import create_app
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.demo import LOGINS, load_demo
from workflows.operations.deployment import open_desk
from workflows.replay.use_cases import start_replay
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.publishing import publish_first
from workflows.store import tables as t
from workflows.users.password_links import show_link

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
    "/ledger": ["?audit=run"],
    "/requests": ["?view=open", "?view=all&q=nothing-like-it"],
    "/contracts": ["", "?view=running-out"],
    "/password/new": ["", "?link={link}"],
    "/search": ["?q=notebook"],
}
NOT_PAGES = {
    "contract.statement_csv",
    "contract.statement_pdf",
    "holder_statement.as_csv",
    "holder_statement.as_pdf",
    "log_request.coverage",
    "log_request.parties",
    "pickers.pick",
    "replays.summary",
    "rule_editor.in_force",
    "rule_editor.schemas",
    "rules.proposal",  # the demonstration has no open proposal
    "sandbox.clock",  # only with the sandbox setting
}
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
    made.refresh()
    administrator = _actor(made, "administrator")
    assert administrator is not None
    _, running = start_replay(made, administrator, files, made.now() - timedelta(days=20), made.now())
    running.join()
    yield made
    made.database.dispose()


ROLES = ("administrator", "finance", "supervisor", "technician", "customer", "nobody")


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
    for path in _paths(app, desk, every_state=role in ("administrator", "customer")):
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
    for role in ("administrator", "nobody"):
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
        for values in _records(desk, rule.endpoint) if every_state else [_any_record(desk)]:
            path = rule.rule
            for name in rule.arguments.difference(rule.defaults or ()):
                path = path.replace(f"<{name}>", values[name])
            queries = QUERIES.get(rule.rule, [""])
            found += [path + query.format(**values) for query in queries]
    return list(dict.fromkeys(found))


def _is_read(endpoint: str, methods: set[str] | None) -> bool:
    return "GET" in (methods or ()) and endpoint.split(".")[0] not in OUTSIDE


def _records(desk: Desk, endpoint: str) -> list[dict[str, str]]:
    """The arguments with which a page is opened."""
    states = {"service_request.show": t.service_request, "contract.show": t.contract}
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
        return {
            "service_request_id": entry.service_request_id,
            "entry_id": entry.id,
            "contract_id": first(t.contract.c.id),
            "customer_id": first(t.customer.c.id),
            "org_unit_id": first(t.org_unit.c.id),
            "item_id": first(t.item.c.id),
            "user_id": first(t.user_account.c.id),
            "version": first(t.rule_set.c.version),
            "replay_id": first(t.rule_replay.c.id),
            "group": "waiting",
            "link": _password_link(desk),
        }


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
