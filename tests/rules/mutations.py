"""Random mutations of a rule file, in its text and in its structure."""

import copy
import string
from typing import Any

from hypothesis import strategies as st

# Words that occur in rule files, used where they may be wrong.
WORDS = [
    "item", "customer", "valid", "pending", "equal_to", "is_true", "is_false", "greater_than",
    "matches_regex", "contract_holder", "contract_standing", "contract_validation", "org_unit_distance",
    "priority", "critical", "cover_with", "wait_for", "create_contract", "refuse", "per_request",
    "subscription", "all", "any", "name", "value", "operator", "params", "type", "types", "id", "rule",
    "covered", "2026-12-31", "__class__", "required", "none", "", "\ud83d\ude00",
]  # fmt: skip
SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.integers(-3, 2000)
    | st.floats(allow_nan=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=8)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
FRAGMENTS: st.SearchStrategy[str] = st.sampled_from(
    ["{", "}", "[", "]", ",", ":", '"', "'", "\\", "\\u", "\\ud800", "//", "/*", "#", "NaN", "-Infinity",
     "1e999", "00", "\x00", "\t", "\r", "\n", "\ufeff", "\ud800", "null", "true", "-", "9" * 40,
     '{"all": [' * 40, "[" * 500]
) | st.text(string.printable, max_size=5)  # fmt: skip


@st.composite
def mutated_text(draw: st.DrawFn, text: str) -> str:
    """The text with a few pieces removed, duplicated, moved or inserted."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["cut", "double", "insert", "replace", "end", "move"])):
            case "cut":
                text = text[:start] + text[end:]
            case "double":
                text = text[:end] + text[start:]
            case "insert":
                text = text[:start] + draw(FRAGMENTS) + text[start:]
            case "replace":
                text = text[:start] + draw(FRAGMENTS) + text[end:]
            case "end":
                text = text[:start]
            case "move":
                target = draw(st.integers(0, len(text)))
                text = text[:target] + text[start:end] + text[target:]
    return text


@st.composite
def structural_mutation(draw: st.DrawFn, document: Any) -> Any:
    """The document with one value replaced, removed, renamed or moved."""
    document = copy.deepcopy(document)
    places = list(_places(document))
    parent, step = draw(st.sampled_from(places))
    match draw(st.sampled_from(["replace", "word", "remove", "rename", "graft", "add"])):
        case "replace":
            parent[step] = draw(VALUES)
        case "word":
            parent[step] = draw(st.sampled_from(WORDS))
        case "remove":
            del parent[step]
        case "rename" if isinstance(parent, dict):
            parent[draw(st.sampled_from(WORDS))] = parent.pop(step)
        case "graft":
            other, other_step = draw(st.sampled_from(places))
            parent[step] = copy.deepcopy(other[other_step])
        case _:
            if isinstance(parent, dict):
                parent[draw(st.sampled_from(WORDS))] = draw(VALUES)
            else:
                parent.append(draw(VALUES))
    return document


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Each object or list in the document with each of its keys or indices."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        steps: list[Any] = list(value)
    elif isinstance(value, list):
        steps = list(range(len(value)))
    else:
        steps = []
    for step in steps:
        found.append((value, step))
        found.extend(_places(value[step]))
    return found
