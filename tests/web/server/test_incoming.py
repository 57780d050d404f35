"""When a request is complete, in whatever pieces it arrives; and that gunicorn's parser agrees."""

from itertools import pairwise

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from hypothesis import given, settings
from hypothesis import strategies as st

from web.server import incoming
from web.server.incoming import IncomingRequest, StoredUnreader, TooLarge
from web.server.limits import LARGEST_BODY, LARGEST_DISCARDED_BODY, LARGEST_HEAD

NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"


def request(*headers: str, body: bytes = b"", line: str = "POST /a HTTP/1.1") -> bytes:
    return "\r\n".join([line, "Host: x", *headers, "", ""]).encode() + body


def chunked(*chunks: bytes, trailers: bytes = b"") -> bytes:
    framed = b"".join(b"%x;part=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return request("Transfer-Encoding: chunked", body=framed + b"0\r\n" + trailers + b"\r\n")


WHOLE = [
    request(line="GET / HTTP/1.1"),
    request("Content-Length: 0"),
    request("content-length:  11 ", body=b"hello world"),
    request("Content-Length: 4", body=b"\r\n\r\n"),
    request("X-Content-Length: 99", "Content-Length: 2", body=b"{}"),
    chunked(),
    chunked(b"hello", b"\r\n0\r\n\r\n", b"x" * 300),
    chunked(b"hello", trailers=b"X-Sum: 1\r\nX-Other: 2\r\n"),
]


def feed(pieces: list[bytes]) -> IncomingRequest:
    found = IncomingRequest()
    for number, piece in enumerate(pieces):
        found.add(piece)
        assert not found.is_complete or number == len(pieces) - 1
    return found


def parsed_body(stored: bytes) -> bytes:
    """The body as gunicorn's parser reads it; nothing of the bytes may be left over."""
    parser = RequestParser(Config(), (), ("127.0.0.1", 1))
    parser.unreader = StoredUnreader(stored)
    message = next(parser)
    assert message.body is not None
    body: bytes = message.body.read()
    assert parser.unreader.read(1) == b""
    return body


@pytest.mark.parametrize("sent", WHOLE)
@settings(max_examples=30)
@given(data=st.data())
def test_any_pieces_give_the_same_request(sent: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(1, len(sent) - 1), max_size=6, unique=True))
    edges = [0, *sorted(cuts), len(sent)]
    found = feed([sent[start:end] for start, end in pairwise(edges)])
    assert (found.is_complete, found.is_whole, bytes(found.stored), found.rest) == (True, True, sent, b"")
    parsed_body(bytes(found.stored))


@pytest.mark.parametrize("sent", WHOLE)
def test_what_follows_is_the_next_request(sent: bytes) -> None:
    found = feed([sent + NEXT + b"GET"])
    assert (bytes(found.stored), found.rest) == (sent, NEXT + b"GET")


@pytest.mark.parametrize("sent", WHOLE)
def test_a_request_is_incomplete_until_its_last_byte(sent: bytes) -> None:
    assert not feed([sent[:-1]]).is_complete


@settings(max_examples=200)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.booleans())
def test_gunicorn_reads_the_same_body(chunks: list[bytes], in_chunks: bool) -> None:
    body = b"".join(chunks)
    sent = chunked(*chunks) if in_chunks else request(f"Content-Length: {len(body)}", body=body)
    found = feed([sent + NEXT])
    assert parsed_body(bytes(found.stored)) == body
    assert found.rest == NEXT


@pytest.mark.parametrize(
    "sent",
    [
        request("Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n0\r\n\r\n"),
        request("Transfer-Encoding: chunked", body=b"5" * 9000),
        request("Transfer-Encoding: chunked", body=b"-5\r\n"),
        request(f"Content-Length: {LARGEST_DISCARDED_BODY + 1}", body=b"{}"),
    ],
)
def test_what_cannot_be_received_is_complete_but_not_whole(sent: bytes) -> None:
    found = feed([sent])
    assert (found.is_complete, found.is_whole) == (True, False)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"x" * 9000, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * LARGEST_HEAD, 431),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * LARGEST_HEAD + b"\r\n\r\n", 431),
    ],
)
def test_a_head_that_is_too_large_is_refused(sent: bytes, status: int) -> None:
    with pytest.raises(TooLarge) as refused:
        feed([sent])
    assert refused.value.status == status


def test_of_a_body_that_is_too_long_only_the_beginning_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "LARGEST_BODY", 1000)
    monkeypatch.setattr(incoming, "LARGEST_HEAD", 1000)
    head = request("Content-Length: 5000")
    found = feed([head, *[b"x" * 1000] * 5])
    assert found.is_complete
    assert found.is_whole
    assert len(found.stored) == 2000
    assert LARGEST_BODY > 16 * 1024 * 1024, "no route accepts more than this"


def test_a_continuation_is_expected_only_where_it_is_asked_for() -> None:
    asking = IncomingRequest()
    asking.add(request("Expect: 100-continue", "Content-Length: 5"))
    assert asking.expects_continue
    other = IncomingRequest()
    other.add(request("X-Expect: 100-continue", "Content-Length: 5"))
    assert not other.expects_continue
