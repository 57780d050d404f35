"""Cells that need cleaning: email addresses, HTML, and numbers in groups of three digits."""

import pytest

from workflows.importing.email_cells import usable_address
from workflows.importing.plain_text import plain_text
from workflows.importing.whole_numbers import without_thousands_separators


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Paper &amp; ink</p>", "Paper & ink"),
        ("&lt;p&gt;Paper &amp;amp; ink<br>gone&lt;/p&gt;", "Paper & ink\ngone"),
        ("<div>a</div><div>b<br/>c</div>", "a\nb\nc"),
        ("a &lt; b and c > d", "a < b and c > d"),
        ("mail <ann@acme.example> now", "mail <ann@acme.example> now"),
        ("<style>p {color: red}</style>plain<script>x = '<p>'</script>", "plain"),
        ("no markup", "no markup"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ("a&nbsp;b", "a b"),
        ("&amp;lt;p&amp;gt;one&amp;lt;/p&amp;gt;&amp;lt;b&amp;gt;two", "one\ntwo"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><th>3</th></tr></table>", "1 2\n3"),
    ],
)
def test_html_as_plain_text(html: str, text: str) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize(
    ("text", "separator", "number"),
    [
        ("2 553", " ", "2553"), ("2\u202f553", " ", "2553"), ("12\u00a0345 678", " ", "12345678"),
        ("556", " ", "556"), ("2553", " ", "2553"), ("25 53", " ", "25 53"), ("INC 553", " ", "INC 553"),
        ("2.553", ".", "2553"), ("2.5534", ".", "2.5534"), ("2'553", "'", "2553"),
        ("2\u2019553", "'", "2553"), ("2,553", ".", "2,553"),
    ],
)  # fmt: skip
def test_numbers_in_groups_of_three(text: str, separator: str, number: str) -> None:
    assert without_thousands_separators(text, separator) == number


@pytest.mark.parametrize(
    ("cell", "address", "has_remark"),
    [
        ("ann@acme.example", "ann@acme.example", False),
        ("Ann@Acme.Example", "Ann@Acme.Example", False),
        ("not-a-mail", None, True),
        ("bob@localhost", None, True),
        ("cid@acme.example; c2@acme.example", "cid@acme.example", True),
        ("bob@localhost, cid@acme.example", "cid@acme.example", True),
        ("Cid Cole <cid@acme.example>", "cid@acme.example", True),
        ('"Cole, Cid" <cid@acme.example>, Bo <bo@acme.example>', "cid@acme.example", True),
        ("mailto:", None, True),
        ("mailto:bo@acme.example", "bo@acme.example", True),
        ("bo@acme.example|cid@acme.example", "bo@acme.example", True),
        ("'bo@acme.example'.", "bo@acme.example", True),
    ],
)
def test_cells_of_email_addresses(cell: str, address: str | None, has_remark: bool) -> None:
    found, remark = usable_address(cell)
    assert (found, remark is not None) == (address, has_remark)
