"""Names, subjects, references and all other texts of one line refuse what makes two lines of them.

Every text of every command and of the settings is one of these, has a pattern of its own, or is listed here
as one of several lines.
"""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import BaseModel, EmailStr, TypeAdapter, ValidationError

import workflows.commands
from tests.support.api import ApiClient, app_of, token_of
from tests.support.sample_desk import SampleDesk
from tests.support.web_clients import WebClients
from workflows.commands.fields import Command, OneLine, as_one_line, one_line
from workflows.core.settings import Settings
from workflows.users.accounts import NewUser
from workflows.users.tokens import NewToken

BAD = (
    "A\r\nBcc: x@y.example",
    "A\nB",
    "A\tB",
    "A\x00B",
    "A\x7fB",
    "A\x85B",
    "A\u2028B",
    "A\u202eB",
    "A\u2066B",
    "=?utf-8?q?x?= Bob",
    "Bob =?UTF-8?B?QQ==?=",
)
GOOD = ("Zoë Müller-Łuk", "a = b?", "What? =", "名前", "L’été\u202f!", "\u200fשלום")
SEVERAL_LINES = {
    "beyond_approval", "body", "comment", "content", "description", "file", "not_billable_reason", "note",
    "reason", "resolution", "terms", "text",
}  # fmt: skip
OF_THEIR_OWN = {"currency", "date_form", "holidays", "password", "scope", "time_zone"}
"""Checked as what they are, or never shown."""
TEMPLATE = ("workflows.commands.mail_templates.ChangeMailTemplate", "subject")
"""Judged with the names in its braces (`fault_of`)."""
CONFIRMATION = ("workflows.commands.people.EraseCustomer", "name")
"""Compared with a name as it is stored, perhaps by an older program, and never stored."""


def models() -> list[type[BaseModel]]:
    for module in pkgutil.iter_modules(workflows.commands.__path__):
        importlib.import_module(f"workflows.commands.{module.name}")
    found: list[type[BaseModel]] = []
    left: list[type[BaseModel]] = [Command, Settings.__mro__[1], NewUser, NewToken]
    while left:
        one = left.pop()
        found.append(one)
        left += [each for each in one.__subclasses__() if each not in found]
    return [one for one in found if one.__module__.startswith("workflows.")]


def texts(annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The types of text within an annotation, each with what is said of it."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        yield from texts(inner, (*more, *metadata))
    elif annotation is str or annotation is EmailStr:
        yield annotation, metadata
    else:
        for part in get_args(annotation):
            if isinstance(part, type) or get_origin(part) is not None:
                yield from texts(part)


FIELDS = [
    ((f"{model.__module__}.{model.__name__}", name), (kind, said))
    for model in models()
    for name, field in model.model_fields.items()
    for kind, said in texts(field.annotation, tuple(field.metadata))
]


def takes(adapter: TypeAdapter[Any], text: str) -> bool:
    try:
        adapter.validate_python(text)
    except ValidationError:
        return False
    return True


def has_pattern(said: tuple[Any, ...]) -> bool:
    return any(getattr(one, "pattern", None) is not None for one in said)


def test_every_text_is_of_one_line_or_listed() -> None:
    assert len(FIELDS) > 150
    unknown = [
        place
        for place, (_, said) in FIELDS
        if OneLine not in said
        and not has_pattern(said)
        and place[1] not in SEVERAL_LINES | OF_THEIR_OWN
        and place not in (TEMPLATE, CONFIRMATION)
    ]
    assert unknown == []


def test_texts_of_one_line_refuse_what_makes_two_of_them() -> None:
    checked = 0
    for place, (kind, said) in FIELDS:
        if OneLine not in said:
            continue
        as_said: Any = Annotated[kind, *said]
        adapter: TypeAdapter[Any] = TypeAdapter(as_said)
        for bad in BAD:
            assert not takes(adapter, bad), (place, bad)
        checked += 1
    assert checked > 100


@pytest.mark.parametrize("text", GOOD)
def test_other_texts_are_taken_and_left_as_they_are(text: str) -> None:
    assert one_line(text) == as_one_line(text) == text


@pytest.mark.parametrize("text", BAD)
def test_a_text_from_elsewhere_is_made_one_that_is_taken(text: str) -> None:
    assert one_line(as_one_line(text)) == as_one_line(text)


CALLS: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("POST", "/customers", {"email": "bob@example.com", "name": "{bad}"}, "/name"),
    ("POST", "/org-units", {"code": "new", "name": "{bad}"}, "/name"),
    ("POST", "/service-requests", {"subject": "{bad}"}, "/subject"),
    ("PATCH", "/settings", {"company": {"name": "{bad}"}}, "/company/name"),
)


@pytest.mark.parametrize(("method", "path", "body", "pointer"), CALLS)
def test_a_call_names_the_field(
    sample: SampleDesk, method: str, path: str, body: dict[str, Any], pointer: str
) -> None:
    client = ApiClient(app_of(sample), token_of(sample, sample.administrator))
    for bad in ("A\r\nBcc: x@y.example", "=?utf-8?q?x?= Bob"):
        sent = json.loads(json.dumps(body).replace("{bad}", json.dumps(bad)[1:-1]))
        if path == "/service-requests":
            sent["customer"] = sample.ann
        answer: Any = client.call(method, path, sent)
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer), answer.text


def test_a_form_keeps_what_was_typed_and_says_what_is_wrong(web: WebClients) -> None:
    form = web.administrator.open("/customers/new")
    wrong = web.administrator.send(form, email="bob@example.com", name="=?utf-8?q?x?= Bob")
    assert wrong.status == 422
    assert "which mail programs would decode" in wrong
    assert wrong.form().values["name"] == "=?utf-8?q?x?= Bob"


def test_settings_of_an_earlier_program_are_read_without_them() -> None:
    """They must not keep the desk from starting."""
    stored = {
        "company": {"name": "A\r\nBcc: x@y.example", "email": "=?x?q?y?=@example.com"},
        "tax_rates": [{"name": "A\tB", "percent": "19", "category": "S", "reason": ""}],
        "dunning_levels": [{"days": 7, "fee_minor": 0, "text": "Please\r\npay\x85now."}],
    }
    read = Settings.from_stored(stored)
    assert (read.company.name, read.company.email) == ("A  Bcc: x@y.example", None)
    assert read.tax_rates[0].name == "A B"
    assert read.dunning_levels[0].text == "Please\npay\nnow."
