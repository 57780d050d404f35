"""Views: what `@view` declares, and that each class of the package is declared by it."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

import workflows.views
from workflows.views import CountedPage, MoneyView, Page
from workflows.views.base import View

AMOUNTS = st.builds(MoneyView, st.integers(-5, 5), st.sampled_from(["EUR", "USD"]))


def _classes() -> Iterator[type]:
    for module in pkgutil.iter_modules(workflows.views.__path__, "workflows.views."):
        yield from (
            each
            for each in vars(importlib.import_module(module.name)).values()
            if isinstance(each, type) and each.__module__.startswith("workflows.views") and each is not View
        )


@given(AMOUNTS, AMOUNTS)
def test_a_view_equals_another_of_its_class_with_equal_fields(one: MoneyView, other: MoneyView) -> None:
    same = (one.amount_minor, one.currency) == (other.amount_minor, other.currency)
    assert (one == other) is same
    assert len({one, other}) == (1 if same else 2)


def test_views_of_two_classes_differ() -> None:
    assert Page(items=[1], next_cursor=None) != CountedPage(items=[1], next_cursor=None)


def test_the_representation_names_class_and_fields() -> None:
    assert (
        repr(MoneyView(amount_minor=1250, currency="EUR")) == "MoneyView(amount_minor=1250, currency='EUR')"
    )


def test_a_replaced_field_leaves_the_others() -> None:
    assert replace(MoneyView(1250, "EUR"), currency="USD") == MoneyView(1250, "USD")


def test_each_class_is_a_view_with_fields() -> None:
    classes = set(_classes())
    assert len(classes) > 150
    assert [each.__name__ for each in classes if not (issubclass(each, View) and is_dataclass(each))] == []
    assert [each.__name__ for each in classes if not fields(each)] == []
