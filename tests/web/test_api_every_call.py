"""Every writing call of the OpenAPI document with invalid input."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.support.api import ApiClients
from tests.support.sample_desk import SampleDesk
from workflows.store import tables as t

TABLES = tuple(t.metadata.sorted_tables)
INVALID_VALUES: list[Any] = [
    [[]],
    "\u0000",
    "\x1b[31m",
    10**400,
    1e300,
    {"nonsense": 1},
    [{"nonsense": 1}],
    1.5,
]
MALFORMED: dict[str, bytes] = {
    "is not JSON": b"{",
    "NaN is not a JSON number": b'{"a": NaN}',
    "given twice": b'{"a": 1, "a": 2}',
    "nested too deeply": b'{"a":' * 50_000,
    "is not UTF-8": b'{"a": "\xff"}',
    "unpaired surrogate": b'{"a": "\\ud800"}',
    "too many digits": b'{"a": ' + b"9" * 10_000 + b"}",
}


class Call(NamedTuple):
    """A writing call and the fields of its body."""

    method: str
    path: str
    fields: tuple[str, ...]


@pytest.fixture
def api(sample: SampleDesk) -> ApiClients:
    """The API of the desk."""
    return ApiClients(sample)


def writing_calls(api: ApiClients) -> Iterator[Call]:
    document = api.nobody.client.get("/api/openapi.json").json
    assert document is not None
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            # a call that takes a file refuses others in tests/web/billing/test_bank_statements.py
            if method != "get" and "application/json" in operation["requestBody"]["content"]:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                name = schema.get("$ref", "").rpartition("/")[2]
                whole = document["components"]["schemas"][name] if name else schema
                address = path.removeprefix("/api/v1").replace("{", "").replace("}", "")
                yield Call(method.upper(), address, tuple(whole.get("properties", ())))


def stored(sample: SampleDesk) -> list[int]:
    return [len(sample.rows(table)) for table in TABLES]


def refused(answer: Any, status: int, *said: object) -> dict[str, Any]:
    """Return the problem in a response; assert that it is one, written in complete sentences."""
    assert answer.status_code == status, (*said, answer.status_code, answer.text[:300])
    assert answer.content_type == "application/problem+json", said
    problem: dict[str, Any] = answer.json
    words = [one["detail"] for one in problem.get("errors", [])]
    named = problem["detail"].startswith("/")
    for sentence in words if named else [problem["detail"], *words]:
        assert sentence[:1].isupper(), (*said, sentence)
        assert sentence.endswith("."), (*said, sentence)
    return problem


def test_malformed_bodies_are_refused(sample: SampleDesk, api: ApiClients) -> None:
    before = stored(sample)
    calls = list(writing_calls(api))
    assert len(calls) > 30
    admin = api.administrator
    for method, path, _ in calls:
        for words, raw in MALFORMED.items():
            assert words in refused(admin.call(method, path, raw=raw), 400, path, words)["detail"]
        for raw in (b"[]", b"7", b'"x"', b"null", b"true"):
            refused(admin.call(method, path, raw=raw), 422, path, raw)
        problem = refused(admin.call(method, path, {"nonsense/of~me": 1}), 422, path)
        assert "/nonsense~1of~0me" in [one["pointer"] for one in problem["errors"]], path
        refused(admin.call(method, path, raw=b"a=1", content_type="application/x-www-form-urlencoded"), 415)
        refused(admin.call(method, f"{path}?nonsense=1", {}), 422, path, "parameter")
        refused(admin.call(method, path, raw=b'{"a": "' + b"x" * 17 * 2**20 + b'"}'), 413, path)
        refused(api.nobody.call(method, path, {}), 401, path)
        refused(admin.call("PUT", path, {}), 405, path)
    assert stored(sample) == before


def test_invalid_values_are_refused_by_field(sample: SampleDesk, api: ApiClients) -> None:
    before = stored(sample)
    for method, path, fields in writing_calls(api):
        for name in fields:
            for value in INVALID_VALUES:
                problem = refused(api.administrator.call(method, path, {name: value}), 422, path, name, value)
                pointers = [one["pointer"] for one in problem["errors"]]
                assert any(pointer.startswith(f"/{name}") for pointer in pointers), (path, name, value)
    assert stored(sample) == before


def test_a_contract_cannot_be_linked_to_an_unknown_request(sample: SampleDesk, api: ApiClients) -> None:
    good = {"type": "support_hours", "holder": {"customer": sample.ann}, "minutes": 60}
    problem = refused(api.supervisor.post("/contracts", {**good, "service_request": "nobody"}), 422)
    assert problem["errors"][0]["pointer"] == "/service_request"
    assert sample.rows(t.contract) == []
    answer = api.supervisor.post("/contracts", {**good, "service_request": sample.log()})
    assert answer.status_code == 201
