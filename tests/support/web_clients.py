"""The pages of a desk in use, for tests: a client for each role, and a record of every kind."""

from dataclasses import dataclass
from functools import cached_property
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from jinja2 import FileSystemBytecodeCache

from tests.support.api import app_of
from tests.support.pages import Browser
from tests.support.sample_desk import SampleDesk
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


class WebClients:
    """The pages of an SampleDesk: a client for each role, created on first use."""

    def __init__(self, database_url: str, **settings: Any) -> None:
        self.sample = SampleDesk(database_url, **{"time_zone": "Europe/Berlin", **settings})
        self.sample.publish_rules()
        self.app: Flask = app_of(self.sample)
        self.app.jinja_env.bytecode_cache = COMPILED

    def browser(self, actor: Actor | None) -> Browser:
        return Browser(self.sample, actor, self.app)

    @cached_property
    def administrator(self) -> Browser:
        return self.browser(self.sample.administrator)

    @cached_property
    def finance(self) -> Browser:
        return self.browser(self.sample.finance)

    @cached_property
    def supervisor(self) -> Browser:
        return self.browser(self.sample.supervisor)

    @cached_property
    def technician(self) -> Browser:
        return self.browser(self.sample.technician)

    @cached_property
    def ann(self) -> Browser:
        """The customer who owns the laptop."""
        return self.browser(self.sample.person("customer", "Ann", customer=self.sample.ann))

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
        sample = self.sample
        contract = sample.sell("support_hours", minutes=600)
        request = sample.log("The laptop is slow")
        sample.fire(request, "start")
        sample.work(request, 45)
        bob = sample.customer("Bob")
        other_contract = sample.sell("subscription", to=("customer", bob))
        other_request = sample.log("Bob's printer", customer=bob, item=None)
        return Records(
            org_unit=sample.site,
            customer=sample.ann,
            item=sample.laptop,
            contract=contract,
            service_request=request,
            entry=str(sample.entries(request)[0].id),
            other_customer=bob,
            other_contract=other_contract,
            other_request=other_request,
        )
