"""Conditions on a list of ids of any length, as one bound value: each id is found by the column's index."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, any_, bindparam, func, select


def among(column: ColumnElement[str], name: str, *, is_sqlite: bool) -> ColumnElement[bool]:
    """Whether a column has one of the ids in the parameter `name`, which is to be bound to `id_list`."""
    if is_sqlite:
        listed = bindparam(name, type_=Text, required=True)
        return column.in_(select(func.json_each(listed).table_valued("value").c.value))
    array: Any = bindparam(name, type_=ARRAY(Text), required=True)
    return column == any_(array)


def id_list(ids: Sequence[str], *, is_sqlite: bool) -> Any:
    """The ids as the value of a parameter of `among`."""
    return json.dumps(list(ids)) if is_sqlite else list(ids)
