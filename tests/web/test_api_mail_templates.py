"""The API of mail templates: for administrators, with previews, tests, resets, and bad input by field."""

from typing import Any

import pytest

from tests.support.api import ApiClients
from workflows.notifications.templates import TEMPLATES
from workflows.store import tables as t

PATH = "/mail-templates/request_resolved"
CALLS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/mail-templates", None),
    ("GET", PATH, None),
    ("PATCH", PATH, {"subject": "Done: {number}"}),
    ("POST", f"{PATH}/preview", {"subject": "Done: {number}"}),
    ("POST", f"{PATH}/test", {}),
    ("POST", f"{PATH}/reset", {}),
)


def test_a_template_is_changed_previewed_tested_and_reset(api: ApiClients) -> None:
    administrator = api.administrator
    listed: Any = administrator.get("/mail-templates").json
    assert [one["id"] for one in listed["items"]] == list(TEMPLATES)
    shipped: Any = administrator.get(PATH).json
    assert (shipped["is_changed"], shipped["language"], shipped["fault"]) == (False, "en", None)
    assert {"name": "number", "sample": "SR-1001", "required": False} in shipped["placeholders"]
    preview: Any = administrator.post(f"{PATH}/preview", {"subject": "Done: {number}"}).json
    assert preview["subject"] == "Done: SR-1001"
    assert api.fixture.rows(t.mail_template) == []
    changed: Any = administrator.patch(PATH, {"subject": "Done: {number}"}, If_Match='"0"').json
    assert (changed["subject"], changed["is_changed"]) == ("Done: {number}", True)
    assert administrator.patch(PATH, {"subject": "Other"}, If_Match='"0"').status_code == 412
    tested: Any = administrator.post(f"{PATH}/test", {}).json
    assert (tested["subject"], tested["recipient"]) == (
        "Done: SR-1001",
        f"{api.fixture.administrator.id}@staff.example",
    )
    [mail] = api.fixture.rows(t.outbox, event="mail_template_test")
    assert (mail.subject, mail.recipient) == (tested["subject"], tested["recipient"])
    reset: Any = administrator.post(f"{PATH}/reset", {}).json
    assert (reset["subject"], reset["is_changed"]) == (shipped["subject"], False)


def test_each_language_has_its_own_text(api: ApiClients) -> None:
    administrator = api.administrator
    shipped: Any = administrator.get(f"{PATH}?language=de").json
    assert (shipped["language"], shipped["subject"]) == ("de", "Ihre Anfrage {number} ist gelöst")
    assert shipped["title"] == "A request is resolved"
    changed: Any = administrator.patch(f"{PATH}?language=de", {"subject": "Fertig: {number}"}).json
    assert (changed["subject"], changed["is_changed"]) == ("Fertig: {number}", True)
    other: Any = administrator.get(PATH).json
    assert (other["language"], other["is_changed"]) == ("en", False)
    preview: Any = administrator.post(f"{PATH}/preview?language=de", {}).json
    assert preview["subject"] == "Fertig: SR-1001"
    tested: Any = administrator.post(f"{PATH}/test?language=fr", {}).json
    assert tested["subject"] == "Votre demande SR-1001 est résolue"
    reset: Any = administrator.post(f"{PATH}/reset?language=de", {}).json
    assert reset["subject"] == shipped["subject"]
    assert administrator.get(f"{PATH}?language=nl").status_code == 422


def test_only_administrators(api: ApiClients) -> None:
    for role in ("finance", "supervisor", "technician"):
        for method, path, body in CALLS:
            assert getattr(api, role).call(method, path, body).status_code == 403, (role, path)
    assert api.fixture.rows(t.mail_template) == []
    assert api.fixture.rows(t.outbox, event="mail_template_test") == []
    for method, path, body in CALLS[1:]:
        other = path.replace("request_resolved", "nothing")
        assert api.administrator.call(method, other, body).status_code == 404


BAD: list[tuple[dict[str, Any], str]] = [
    ({"subject": ""}, "/subject"),
    ({"subject": "x" * 201}, "/subject"),
    ({"subject": "A\r\nBcc: x@example.com"}, "/subject"),
    ({"subject": "{name}"}, "/subject"),
    ({"body": ""}, "/body"),
    ({"body": " \n"}, "/body"),
    ({"body": "x" * 20_001}, "/body"),
    ({"body": "{note"}, "/body"),
    ({"body": "{note.x}"}, "/body"),
    ({"language": "de"}, "/language"),
]


@pytest.mark.parametrize(("body", "pointer"), BAD)
def test_bad_input_is_named_by_field(api: ApiClients, body: dict[str, Any], pointer: str) -> None:
    for method, path in (("PATCH", PATH), ("POST", f"{PATH}/preview")):
        answer: Any = api.administrator.call(method, path, body)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert api.fixture.rows(t.mail_template) == []
