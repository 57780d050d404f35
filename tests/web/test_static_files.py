"""Static files are compressed once, with headers by which caches and browsers keep the versions apart."""

import gzip
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import pytest

from tests.support.web_clients import WebClients

STATIC = Path(__file__).resolve().parents[2] / "web" / "static"
EDITOR = "vendor/codemirror/codemirror.min.js"


def get(web: WebClients, name: str, **headers: str):  # type: ignore[no-untyped-def]
    answer = web.nobody.client.get(f"/static/{name}", headers=headers)
    answer.get_data()
    answer.close()
    return answer


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
def test_a_file_is_compressed_as_the_client_accepts_it(
    web: WebClients, accepted: str, encoding: str | None
) -> None:
    answer = get(web, EDITOR, **{"Accept-Encoding": accepted})
    assert answer.status_code == 200
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    opened = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding](answer.data)
    assert opened == (STATIC / EDITOR).read_bytes()


def test_each_encoding_has_an_etag_of_its_own_that_is_honoured(web: WebClients) -> None:
    tags = set()
    for accepted in ("br", "gzip", "identity"):
        tag = get(web, EDITOR, **{"Accept-Encoding": accepted}).headers["ETag"]
        tags.add(tag)
        again = get(web, EDITOR, **{"Accept-Encoding": accepted, "If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")
        assert (again.headers["ETag"], again.headers["Vary"]) == (tag, "Accept-Encoding")
    assert len(tags) == 3


def test_a_part_of_a_file_is_not_compressed(web: WebClients) -> None:
    answer = get(web, EDITOR, **{"Accept-Encoding": "br", "Range": "bytes=10-19"})
    assert (answer.status_code, "Content-Encoding" in answer.headers) == (206, False)
    assert answer.data == (STATIC / EDITOR).read_bytes()[10:20]


def test_what_the_rule_editor_loads_is_small(web: WebClients) -> None:
    page = web.administrator.open("/rules/edit")
    names = [part.split('"')[0].split("?")[0] for part in page.html.split('"/static/')[1:]]
    assert EDITOR in names
    sent = sum(len(get(web, name, **{"Accept-Encoding": "br"}).data) for name in set(names))
    assert sent < 250_000


def test_pages_are_not_compressed(web: WebClients) -> None:
    answer = web.administrator.client.get("/requests", headers={"Accept-Encoding": "br, gzip"})
    assert "Content-Encoding" not in answer.headers
