"""The OpenAPI document is valid, complete and correct."""

import re
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from tests.support.api import ApiClients
from tests.support.builders import DeskFixture
from tests.support.share import EVERY
from workflows.administration.activation import activate_billing
from workflows.commands.administration import ActivateBilling

CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
# These would disable the caller, whose further calls would all be 401.
DISABLES_THE_CALLER = {"change_user", "revoke_token"}


def document_of(api: ApiClients) -> dict[str, Any]:
    answer = api.nobody.client.get("/api/openapi.json")
    assert answer.status_code == 200
    assert isinstance(answer.json, dict)
    return answer.json


def test_the_document_is_valid_openapi(api: ApiClients) -> None:
    document = document_of(api)
    validate(document)
    assert document["openapi"].startswith("3.1")
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)


def test_the_document_has_every_route(api: ApiClients) -> None:
    described = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, methods in document_of(api)["paths"].items()
        for method in methods
    }
    routes = {
        (method, rule.rule)
        for rule in api.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == routes
    assert len(routes) > 50


def test_patched_fields_have_no_defaults(api: ApiClients) -> None:
    schemas = document_of(api)["components"]["schemas"]
    for name in ("ChangeCustomer", "ChangeItem", "ChangeOrgUnit", "ChangeServiceRequest"):
        assert not any("default" in field for field in schemas[name]["properties"].values()), name


def test_the_document_and_its_page_need_no_token_and_load_nothing_external(api: ApiClients) -> None:
    page = api.nobody.client.get("/api/docs")
    assert page.status_code == 200
    text = page.get_data(as_text=True)
    assert "POST /api/v1/service-requests" in text
    assert 'id="idempotency-key-reused"' in text
    assert "https://" not in text
    assert "<script" not in text


def test_outside_a_sandbox_the_clock_has_no_route(api: ApiClients) -> None:
    assert "/api/v1/sandbox/clock" not in document_of(api)["paths"]
    assert api.administrator.get("/sandbox/clock").status_code == 404
    assert api.administrator.post("/sandbox/clock", {"now": "x"}).status_code == 404


@pytest.fixture
def sandbox(database_url: str) -> Iterator[ApiClients]:
    """The API of a sandbox with a few records."""
    new_desk = DeskFixture(database_url, sandbox=True)
    new_desk.publish_rules()
    acme = new_desk.org_unit("ACME")
    new_desk.item("SRV-1", customer=new_desk.customer("Ann", acme))
    new_desk.do(activate_billing, ActivateBilling(time_expired_contract="rollover"))
    yield ApiClients(new_desk)
    new_desk.close()


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_response_is_as_documented(sandbox: ApiClients, mode: GenerationMode) -> None:
    load_all_checks()
    checks: Any = [CHECKS.get_one(name) for name in CHECKED]
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", sandbox.app)
    headers = {"Authorization": f"Bearer {sandbox.administrator.token}"}
    tried = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.definition.raw["operationId"] in DISABLES_THE_CALLER:
            continue
        tried += 1

        @hypothesis.settings(
            max_examples=6 if EVERY else 3,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def call(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers=headers, checks=checks)

        call()
    assert tried > 50


def test_every_error_status_is_documented(api: ApiClients) -> None:
    paths = document_of(api)["paths"]
    change = paths["/api/v1/org-units/{org_unit_id}"]["patch"]["responses"]
    assert {"200", "400", "401", "403", "404", "409", "412", "413", "415", "422", "503"} <= set(change)
    assert change["409"]["content"].keys() == {"application/problem+json"}


def test_responses_to_a_customer_are_as_documented(api: ApiClients) -> None:
    _, ann = api.customer("Ann")
    for path, methods in document_of(api)["paths"].items():
        if "get" not in methods:
            continue
        answer = ann.get(_without_names(path))
        assert str(answer.status_code) in methods["get"]["responses"], path


def _without_names(path: str) -> str:
    return re.sub(r"{\w+}", "nothing", path.removeprefix("/api/v1"))


def test_descriptions_are_about_json(api: ApiClients) -> None:
    """They come from docstrings: null instead of None, and nothing of what only Python sees."""
    document = document_of(api)
    texts = [one["description"] for one in document["components"]["schemas"].values() if "description" in one]
    texts += [one["description"] for methods in document["paths"].values() for one in methods.values()]
    assert len(texts) > 400
    assert [text for text in texts if re.search(r"\bNone\b|^Raises: |^Source: |engine\.", text, re.M)] == []
