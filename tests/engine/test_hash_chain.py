"""The content that is hashed has one meaning, and a root commits to every leaf."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.hash_chain import MerkleRoot, content_hash, content_text, head_leaf, next_hash

texts = st.text(max_size=6)
legs = st.tuples(st.integers(0, 9), texts, texts, texts, st.integers(-99, 99))
contents = st.tuples(
    texts, texts, texts, st.integers(0, 99), st.integers(0, 99), texts,
    st.none() | texts, st.none() | texts, st.none() | texts, st.none() | texts,
    st.lists(legs, max_size=3), st.none() | st.integers(0, 99), st.none() | texts,
)  # fmt: skip


@given(contents, contents)
def test_two_transactions_have_the_same_content_only_if_they_are_equal(first: Any, second: Any) -> None:
    assert (content_text(*first) == content_text(*second)) == (first == second)


@given(texts, texts)
def test_a_text_cannot_be_moved_from_one_field_to_the_next(one: str, another: str) -> None:
    def content(cause: str, key: str | None) -> str:
        return content_text("C", "T", "draw", 1, 2, cause, key, None, None, None, [])

    assert content(one + another, "") != content(one, another) or not another
    assert content(one, None) != content(one, "")
    assert content(one, None) != content(one, "-")


def test_a_hash_depends_on_the_one_before() -> None:
    first, second = content_hash("first"), content_hash("second")
    assert next_hash(None, first) == first
    assert len({next_hash(None, second), next_hash(first, second), next_hash(second, first)}) == 3


def root(leaves: list[bytes]) -> bytes:
    merkle = MerkleRoot()
    for leaf in leaves:
        merkle.add(leaf)
    assert merkle.count == len(leaves)
    return merkle.root()


def test_a_root_depends_on_each_leaf_its_order_and_their_number() -> None:
    leaves = [head_leaf(f"C{number}", number, bytes(32)) for number in range(1, 20)]
    roots = [root(leaves[:count]) for count in range(len(leaves) + 1)]
    assert len(set(roots)) == len(roots)
    for at in range(len(leaves)):
        changed = [*leaves[:at], head_leaf("other", 1, bytes(32)), *leaves[at + 1 :]]
        assert root(changed) != roots[-1]
    for at, (first, second) in enumerate(pairwise(leaves)):
        assert root([*leaves[:at], second, first, *leaves[at + 2 :]]) != roots[-1]
    assert root([leaves[0]]) == leaves[0]
