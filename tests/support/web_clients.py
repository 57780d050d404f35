"""The pages of a desk in use, for tests: a client for each role, and a record of every kind."""

from dataclasses import dataclass
from functools import cached_property
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from jinja2 import FileSystemBytecodeCache

from tests.support.api import app_of
from tests.support.office import Office
from tests.support.pages import Browser
from workflows.core.actors import Actor

# Each test has its own application; the templates are compiled once for all of them.
_FOLDER = TemporaryDirectory(prefix="coverdesk-templates-")
COMPILED = FileSystemBytecodeCache(_FOLDER.name)


@dataclass(frozen=True)
class Records:
    """Ids of a record of every kind; all belong to Ann except the last three."""

    org_unit: str
    customer: str
    item: str
    contract: str
    service_request: str
    entry: str
    other_customer: str
    other_contract: str
    other_request: str


class Front:
    """The pages of an Office: a client for each role, created on first use."""

    def __init__(self, database_url: str, **settings: Any) -> None:
        self.office = Office(database_url, **{"time_zone": "Europe/Berlin", **settings})
        self.office.publish_rules()
        self.app: Flask = app_of(self.office)
        self.app.jinja_env.bytecode_cache = COMPILED

    def browser(self, actor: Actor | None) -> Browser:
        return Browser(self.office, actor, self.app)

    @cached_property
    def administrator(self) -> Browser:
        return self.browser(self.office.administrator)

    @cached_property
    def finance(self) -> Browser:
        return self.browser(self.office.finance)

    @cached_property
    def supervisor(self) -> Browser:
        return self.browser(self.office.supervisor)

    @cached_property
    def technician(self) -> Browser:
        return self.browser(self.office.technician)

    @cached_property
    def ann(self) -> Browser:
        """The customer who owns the laptop."""
        return self.browser(self.office.person("customer", "Ann", customer=self.office.ann))

    @cached_property
    def nobody(self) -> Browser:
        """Someone who is not logged in."""
        return self.browser(None)

    def of_role(self, role: str) -> Browser:
        browser: Browser = getattr(self, "ann" if role == "customer" else role)
        return browser

    @cached_property
    def records(self) -> Records:
        """Create a contract, a request and work for Ann; and a contract and a request for Bob."""
        office = self.office
        contract = office.sell("support_hours", minutes=600)
        request = office.log("The laptop is slow")
        office.fire(request, "start")
        office.work(request, 45)
        bob = office.customer("Bob")
        other_contract = office.sell("subscription", to=("customer", bob))
        other_request = office.log("Bob's printer", customer=bob, item=None)
        return Records(
            org_unit=office.site,
            customer=office.ann,
            item=office.laptop,
            contract=contract,
            service_request=request,
            entry=str(office.entries(request)[0].id),
            other_customer=bob,
            other_contract=other_contract,
            other_request=other_request,
        )
