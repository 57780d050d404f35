"""How a view is declared: `@view class SomeView(View)`."""

from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, TypeVar, dataclass_transform

T = TypeVar("T")


class View:
    """What every view has: it equals another of its class with equal fields.

    Stated once instead of generated for each of two hundred classes, which was a tenth of the program's
    start (web/README.md).
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash(_values(self))

    def __repr__(self) -> str:
        shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self))
        return f"{type(self).__qualname__}({shown})"


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def view(cls: type[T]) -> type[T]:
    """Declare a dataclass with slots that only the type checker protects against changes.

    Python's own check of a frozen class sets each field by a call when an object is made, several times the
    cost of an assignment, for each row of each list.
    """
    return dataclass(slots=True, repr=False, eq=False)(cls)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def view_to_combine(cls: type[T]) -> type[T]:
    """Declare a view without slots: a class cannot have two bases with slots."""
    return dataclass(repr=False, eq=False)(cls)


def _values(one: Any) -> tuple[object, ...]:
    return tuple(getattr(one, each.name) for each in fields(one))
