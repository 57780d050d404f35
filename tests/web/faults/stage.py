"""A desk with a record for every writing route, as a database to copy, and calls to its copies."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.support.api import ENVIRONMENT
from tests.support.builders import RULES
from tests.support.faults import make_faulty
from tests.support.pages import Page, new_session
from tests.support.postgres import PostgresServer
from tests.support.sample_desk import SampleDesk
from tests.web.faults.calls import PARTS, Call
from web import create_app
from workflows.accounting_periods.use_cases import close_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.core.desk import Desk
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.proposals import submit_rule_set
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.store.ids import new_id
from workflows.users.password_links import show_link
from workflows.users.passwords import HASHER
from workflows.users.tokens import NewToken, create_token

PASSWORD = "a very long password"
TABLES = [table for table in t.metadata.sorted_tables if table.name != "idempotency_key"]
RANDOM = {"password_hash", "token_hash", "hash"}
"""Columns whose values differ each time."""
NEW_NAMES = re.compile(r"\b[0-9a-z]{26}\b|\bSR-\d+\b|\bcvd_[\w-]+")
WITHOUT_KEY = {
    "/account/password",
    "/account/tokens",
    "/login",
    "/password/forgotten",
    "/password/new",
    "/users/<user_id>/password-link/show",
}
"""Forms whose first answer is not given again: it ends the session, shows a text once, or is for nobody who
is logged in."""
Contents = dict[str, list[str]]

CLOSURES = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20260501
SUMMARY:Company day
END:VEVENT
END:VCALENDAR
"""


@dataclass
class Stage:
    """The database to copy, its records by name, and the application that is used with each copy."""

    server: PostgresServer
    template: str
    sample: SampleDesk
    records: dict[str, Any]
    app: Flask
    known: set[str]

    def text(self, given: Any) -> Any:
        """Fill the names of records in."""
        if isinstance(given, dict):
            return {name: self.text(value) for name, value in given.items()}
        if isinstance(given, list):
            return [self.text(value) for value in given]
        if not isinstance(given, str):
            return given
        if given == "{files}":
            return self.records["files"]
        if given == "{edited_slas}":
            return self.records["edited_slas"]
        return given.format(**self.records)

    def address(self, rule: str, call: Call) -> str:
        """The address of a route, with the records that the call is about."""
        parts = {**PARTS, **call.path}
        return re.sub(r"<(\w+)>", lambda part: str(self.records.get(parts[part[1]], parts[part[1]])), rule)

    @contextmanager
    def copy(self, call: Call) -> Iterator["Copy"]:
        """A desk on a copy of the database that is prepared for the call; its connections are faulty."""
        name = self.server.create_database(self.template)
        database = Database(self.server.url(name), pool_size=5)
        make_faulty(database.engine)
        if call.prepares:
            with database.write() as connection:
                connection.exec_driver_sql(self.text(call.prepares))
        desk = Desk(database, self.sample.clock, sandbox=True, rules_folder=RULES)
        # settings and rules are asked for each time, so that each call has as many statements as before
        desk.configs.newest_for_seconds = 0
        desk.refresh()
        self.app.extensions["coverdesk"] = desk
        try:
            yield Copy(self, database)
        finally:
            database.dispose()
            self.server.drop_database(name)


@dataclass
class Copy:
    """A copy of the stage in use."""

    stage: Stage
    database: Database

    def contents(self) -> Contents:
        """Every row of every table as text, without what is new each time: ids, numbers and hashes."""
        with self.database.snapshot() as connection:
            return {
                table.name: sorted(self._row(row._asdict()) for row in connection.execute(table.select()))
                for table in TABLES
            }

    def _row(self, values: dict[str, Any]) -> str:
        text = str({name: "#" if name in RANDOM and value else value for name, value in values.items()})
        return NEW_NAMES.sub(lambda name: name[0] if name[0] in self.stage.known else "#", text)


@contextmanager
def open_stage(server: PostgresServer, template: str) -> Iterator[Stage]:
    """The stage; its database is dropped at the end."""
    name = server.create_database(template)
    sample = SampleDesk(server.url(name))
    records = _fill(sample)
    known = set(NEW_NAMES.findall(str([sample.rows(table) for table in t.metadata.sorted_tables])))
    app = create_app(Desk(sample.desk.database, sample.clock, sandbox=True), ENVIRONMENT)
    sample.close()
    try:
        yield Stage(server, name, sample, records, app, known)
    finally:
        server.drop_database(name)


def _fill(sample: SampleDesk) -> dict[str, Any]:
    files, now = read_rules_folder(RULES), sample.clock.now()
    old = sample.publish({**files, "slas.json": files["slas.json"] + "\n"}, "An older one")
    version = sample.publish(files, "The shipped ones")
    sample.set(two_person_publishing=True)
    edited = {**files, "slas.json": files["slas.json"] + "\n\n"}
    proposal = sample.do_as(sample.person("administrator", "Another"), submit_rule_set, edited, "Proposed")
    sample.set(two_person_publishing=False)
    sample.set(contracts=False)
    global_item = sample.item("GLOBAL")
    sample.set(contracts=True)
    bob, carl = sample.customer("Bob"), sample.customer("Carl")
    contract = sample.sell("support_hours", minutes=600)
    sample.sell("incident_pack", to=("customer", carl), incidents=1)
    request = sample.log("The laptop is slow")
    sample.fire(request, "start")
    sample.work(request, 45)
    waiting = sample.log("Bob's printer", customer=bob, item=None)
    pending = sample.sell("subscription", to=("customer", bob), enable=False)
    ending = sample.sell("subscription", to=("org_unit", sample.parent), ends_on=(now + timedelta(20)).date())
    token = sample.do(create_token, NewToken(email=_email(sample, str(sample.administrator.id))))
    replay, message = new_id(), new_id()
    with sample.desk.write() as tx:
        tx.change(t.user_account, str(sample.administrator.id), password_hash=HASHER.hash(PASSWORD))
        tx.add(
            t.rule_replay,
            id=replay,
            version=version,
            files=files,
            from_at=now - timedelta(days=1),
            to_at=now,
            asked_by="the administrator",
            asked_at=now,
            state="running",
            runner=new_id(),
            beat_at=now,
        )
        tx.add(
            t.outbox,
            id=message,
            event="opened",
            recipient="ann@example.com",
            subject="Hello",
            body="Hello",
            payload={},
            created_at=now,
            attempts=9,
        )
    sample.do(close_period, "2026-01", ChangePeriod(reason="Month end"))
    tokens = {
        role: sample.do(create_token, NewToken(email=_email(sample, str(getattr(sample, role).id)))).text
        for role in ("administrator", "finance", "supervisor", "technician")
    }
    sessions = {role: new_session(sample.desk, getattr(sample, role)) for role in tokens}
    link = sample.do(show_link, str(sample.technician.id), None).url.rpartition("=")[2]
    return {
        "ann": sample.ann,
        "bob": bob,
        "carl": carl,
        "org_unit": sample.site,
        "item": sample.laptop,
        "global_item": global_item,
        "contract": contract,
        "pending": pending,
        "ending": ending,
        "service_request": request,
        "period": "2026-01",
        "entry": str(sample.entries(request)[0].id),
        "decision": str(sample.rows(t.coverage_decision)[0].id),
        "waiting": waiting,
        "proposal": proposal.proposal,
        "replay": replay,
        "message": message,
        "token": token.id,
        "user": str(sample.technician.id),
        "version": version,
        "old_version": old,
        "files": {**files, "slas.json": files["slas.json"] + "\n\n\n"},
        "calendar": "after_hours",
        "closures": CLOSURES,
        "edited_slas": files["slas.json"] + "\n\n\n",
        "link": link,
        "session": str(sample.rows(t.login_session, user_id=sample.supervisor.id)[0].id),
        "email": _email(sample, str(sample.administrator.id)),
        "password": PASSWORD,
        "new_password": "another long password",
        "tokens": tokens,
        "sessions": sessions,
    }


def _email(sample: SampleDesk, user_id: str) -> str:
    return str(sample.rows(t.user_account, id=user_id)[0].email)


@dataclass(frozen=True)
class Sent:
    """A call as it is sent: with the values of its page, and the key that makes it happen once, if any."""

    stage: Stage
    method: str
    address: str
    role: str
    values: Any
    is_api: bool
    key: str | None = None
    session: str = ""

    def __call__(self) -> TestResponse:
        """Send it, and wait for the threads that it has started."""
        answer = self._send()
        for thread in threading.enumerate():
            if thread.name == "replay":
                thread.join()
        return answer

    def _send(self) -> TestResponse:
        client = self.stage.app.test_client()
        if self.is_api:
            headers = {"Authorization": f"Bearer {self.stage.records['tokens'][self.role]}"}
            if self.key is not None:
                headers["Idempotency-Key"] = self.key
            return client.open(self.address, method=self.method, json=self.values, headers=headers)
        client.set_cookie("session", self.session)
        return client.post(self.address, data=self.values)

    def with_key(self, key: str) -> "Sent":
        return replace(self, key=key)


def api_call(stage: Stage, route: str, call: Call) -> Sent:
    """A call of the API as it is sent, without a key."""
    method, _, rule = route.partition(" ")
    address = f"/api/v1{stage.address(rule, call)}"
    return Sent(stage, method, address, call.role, stage.text(call.sends), is_api=True)


def page_call(stage: Stage, rule: str, call: Call) -> Sent:
    """A form as it is sent: with the session and the values of the page that has it."""
    client = stage.app.test_client()
    if call.role != "nobody":
        with client.session_transaction() as session:
            session["_user_id"] = stage.records["sessions"][call.role]
            session["_fresh"] = True
    address = stage.address(rule, call)
    opens = stage.text(call.opens)
    page = Page(client.get(opens or ("/login" if call.role == "nobody" else "/account")))
    values = _values_of(page, address, opens) if opens else {}
    values |= stage.text(call.sends)
    # a form has its token and its key under the prefix of its fields
    token = next(form.values["csrf_token"] for form in page.forms if "csrf_token" in form.values)
    prefixes = {"", *(name.partition("_")[0] + "_" for name in values)}
    values |= {f"{prefix}csrf_token": token for prefix in prefixes}
    values = {f"{prefix}key": "a key" for prefix in prefixes} | values
    cookie = client.get_cookie("session")
    key = None if rule in WITHOUT_KEY else "a key"
    own = cookie.value if cookie else ""
    return Sent(stage, "POST", address, call.role, values, is_api=False, key=key, session=own)


def _values_of(page: Page, address: str, opens: str) -> dict[str, Any]:
    """The values of the form that is sent to this address, as its page has them."""
    form = next(one for one in page.forms if one.method == "post" and (one.action or opens) == address)
    return {name: value for name, value in form.values.items() if value is not None}
