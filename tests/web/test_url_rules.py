"""Addresses whose builder is compiled at first use are those that Werkzeug builds."""

from typing import Any

import pytest
from werkzeug.routing import Map, Rule

from web.url_rules import LazyRule

RULES: dict[str, dict[str, Any]] = {
    "/requests/<request_id>": {"request_id": "a b/c"},
    "/rules/<rule>": {"rule": "named as the first argument"},
    "/files/<path:name>": {"name": "a/b.json"},
    "/days/<int:day>": {"day": 3, "view": "all"},
    "/choice/<any(one, two):which>": {"which": "two"},
    "/plain": {"cursor": None, "q": ["x", "y"]},
}


@pytest.mark.parametrize("address", RULES)
def test_an_address_is_built_alike(address: str) -> None:
    lazy, eager = (Map([kind(address, endpoint="it")]).bind("desk.example") for kind in (LazyRule, Rule))
    for _ in range(2):
        assert lazy.build("it", RULES[address]) == eager.build("it", RULES[address])
