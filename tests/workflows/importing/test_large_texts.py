"""Large texts in exports and mappings, and between two rule sets, take time in proportion to their size."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.growth import require_linear
from workflows.importing.csv_rows import CsvReader
from workflows.importing.email_cells import usable_address
from workflows.importing.mapping import MappingRefused, read_mapping
from workflows.importing.plain_text import plain_text
from workflows.rule_sets.merge import merge_rule_files
from workflows.rule_sets.publishing import difference

SIZE = 30_000
MARKUP = (
    "<", "&lt;a", "&lt;", "&amp;lt;a", "&",
    "<a ", "<!--", "</", "<!", "<?", "<script>", "<p>", "a<b ", "</a >", "<!>",
    "<![if x]>", "<![x]>", "<!-- x -->", "<style>", "<a\n>", '<a b="', '<a b=">', "-->", "\n",
)  # fmt: skip
CELLS = ('"', ",", '",', '"a', "\n", '" ', ' "', '"\n', 'a,"b\n')
MAPPINGS = (",", "{", "[", '"', '"a":1,', '{"states":')
ADDRESSES = ("a@b,", "a|", "mailto:", "<", "a", "@", " ", "a.", "<a@b.example>")


def again_and_again(piece: str) -> Callable[[int], str]:
    return lambda size: piece * (size // len(piece))


@pytest.mark.parametrize("piece", MARKUP)
def test_markup(piece: str) -> None:
    require_linear(plain_text, again_and_again(piece), SIZE)


@given(st.lists(st.sampled_from((*MARKUP, "text", " ", ">", "=", "&gt;", "'")), max_size=12).map("".join))
def test_any_markup_becomes_text(text: str) -> None:
    assert isinstance(plain_text(text), str)


@pytest.mark.parametrize("piece", CELLS)
def test_rows(piece: str) -> None:
    require_linear(lambda text: list(CsvReader(text, ",", '"').rows()), again_and_again(piece), SIZE)


@pytest.mark.parametrize("piece", MAPPINGS)
def test_mappings(piece: str) -> None:
    def read(text: str) -> None:
        with pytest.raises(MappingRefused) as refused:
            read_mapping("mapping.json", text.encode())
        assert len(refused.value.problems) <= 201

    require_linear(read, again_and_again(piece), SIZE)


@pytest.mark.parametrize("piece", ADDRESSES)
def test_addresses(piece: str) -> None:
    require_linear(usable_address.__wrapped__, again_and_again(piece), SIZE)


def every_second_line(size: int, mark: str) -> str:
    return "".join(f"{number}{mark if number % 2 else ''}\n" for number in range(size))


def all_lines(size: int, mark: str) -> str:
    return "".join(f"{mark}{number}\n" for number in range(size))


LINES: dict[str, Callable[[int], tuple[str, str, str]]] = {
    "one line again and again": lambda n: ("{\n" * n, "[\n" + "{\n" * n, "{\n" * n + "]\n"),
    "every second line": lambda n: (
        every_second_line(n, ""),
        every_second_line(n, "a"),
        every_second_line(n, "b"),
    ),
    "all lines": lambda n: (all_lines(n, ""), all_lines(n, "a"), all_lines(n, "b")),
}


@pytest.mark.parametrize("shape", LINES)
def test_lines_of_two_rule_sets(shape: str) -> None:
    def compare(texts: tuple[str, str, str]) -> None:
        base, mine, theirs = ({"coverage.json": text} for text in texts)
        assert list(difference(base, mine))
        assert merge_rule_files(base, mine, theirs).files

    require_linear(compare, LINES[shape], SIZE)


def test_files_that_cannot_be_compared_are_shown_whole() -> None:
    base, mine, theirs = LINES["one line again and again"](2000)
    shown = list(difference({"f": "a\n" * 2000 + "x\n"}, {"f": "b\n" + "a\n" * 2100 + "y\n"}))
    assert shown[2] == "@@ -1,2001 +1,2102 @@"
    assert shown.count("-a") == 2000
    assert shown.count("+a") == 2100
    merged = merge_rule_files({"f": base + base}, {"f": "x\n" + mine + "y\n"}, {"f": "z\n" + theirs + "v\n"})
    assert merged.unresolved == ["f"]
