"""The mail server's address, and messages whose headers no text can shape."""

from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.notifications.mail import (
    HEADERS,
    Mail,
    MailServer,
    UnusableMessage,
    compose,
    is_usable_address,
    plain_subject,
    read_smtp_url,
)

NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
PIECES = [
    "=?utf-8?q?hello?=",
    "=?",
    "?=",
    "\n",
    "\r\n",
    ": ",
    "Bcc",
    " ",
    "\t",
    "é",
    "«Ž»",
    "x" * 80,
    "a",
    "@",
    ",",
    ";",
    '"',
]
"""Harmless pieces of what a mail library decodes, folds or separates by."""
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=10)), max_size=8).map("".join)


def mail(**given: Any) -> Mail:
    values: dict[str, Any] = {
        "id": "M1",
        "recipient": "ann@example.com",
        "subject": "Hello",
        "body": "Text.",
    } | given
    return Mail(written_at=NOW, **values)


@given(TEXTS, TEXTS)
def test_no_text_changes_the_headers(subject: str, body: str) -> None:
    try:
        written = compose(mail(subject=subject, body=body), "desk@example.com").as_bytes()
    except UnicodeEncodeError:
        assert any("\ud800" <= char <= "\udfff" for char in body)
        return
    read = BytesParser(policy=policy.default).parsebytes(written)
    assert set(read.keys()) == HEADERS
    assert len(read.keys()) == len(HEADERS)
    assert (str(read["From"]), str(read["To"])) == ("desk@example.com", "ann@example.com")
    assert " ".join(str(read["Subject"]).split()) == " ".join(plain_subject(subject).split())
    assert str(read["Message-ID"]) == "<M1@example.com>"


@given(TEXTS)
def test_an_address_is_used_as_it_is_or_not_at_all(recipient: str) -> None:
    try:
        written = compose(mail(recipient=recipient), "desk@example.com").as_bytes()
    except UnusableMessage:
        return
    read = BytesParser(policy=policy.default).parsebytes(written)
    assert [one.addr_spec for one in read["To"].addresses] == [recipient]
    assert is_usable_address(recipient)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@b@example.com",
        "ann@example.com, bob@example.com",
        "Ann <ann@example.com>",
        "=?utf-8?q?ann?=@example.com",
        "ann@?=",
        "ann\n@example.com",
    ],
)
def test_what_is_no_single_address_is_refused(address: str) -> None:
    with pytest.raises(UnusableMessage):
        compose(mail(recipient=address), "desk@example.com")


def test_addresses_beyond_ascii_are_used() -> None:
    written = compose(mail(recipient="jürgen@münchen.example"), "desk@example.com").as_bytes()
    assert "To: jürgen@münchen.example\r\n".encode() in written


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 25, "none", "", "", "coverdesk@mail.example.com")),
        (
            "smtp://a%40b:p%2Fw@m.example:587/?from=desk@x.example",
            ("m.example", 587, "starttls", "a@b", "p/w", "desk@x.example"),
        ),
        ("smtps://a:b@m.example?from=d%40x.example", ("m.example", 465, "implicit", "a", "b", "d@x.example")),
        ("smtp://m.example/?starttls=required", ("m.example", 25, "starttls", "", "", "coverdesk@m.example")),
    ],
)
def test_urls(url: str, expected: tuple[object, ...]) -> None:
    server = read_smtp_url(url)
    assert server == MailServer(*expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://m.example", "must begin with smtp:// or smtps://"),
        ("m.example:25", "must begin with smtp:// or smtps://"),
        ("smtp://", "names no host"),
        ("smtp://m.example:abc", "has a port that is not a number from 1 to 65535"),
        ("smtp://m.example:99999", "has a port that is not a number from 1 to 65535"),
        (
            "smtp://m.example/?form=a@b.example",
            "has the unknown parameter 'form'; from and starttls are known",
        ),
        ("smtp://m.example/?starttls=no", "can only have starttls=required"),
        ("smtp://m.example/?from=nobody", "has a sender that is not a mail address: 'nobody'"),
    ],
)
def test_bad_urls_are_refused_in_words(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        read_smtp_url(url)
    assert str(refused.value) == reason
