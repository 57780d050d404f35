"""Python code generated from checked rules, line by line, and then executed.

Values from rule files never become part of the code: texts and numbers are constants with generated names,
and comments are stored apart from the lines. Rule sets that differ only in constants have identical code.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Constant = object

INDENT = "    "


class Source:
    """Builds code. `values` are the constants and helpers that the code may refer to."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values: dict[str, Any] = dict(values)
        self._lines: list[tuple[str, str]] = []
        self._constants: dict[tuple[type, Constant], str] = {}
        self._depth = 0

    def line(self, code: str, note: str = "") -> None:
        """Add one line; `note` is a comment for readers."""
        self._lines.append((INDENT * self._depth + code, note))

    @contextmanager
    def block(self, head: str, note: str = "") -> Iterator[None]:
        """Add a line that ends in a colon; lines added within the context belong to its block."""
        self.line(head, note)
        self._depth += 1
        yield
        self._depth -= 1

    def constant(self, value: Constant) -> str:
        """The name of a constant for a value of a rule file; equal values share a name."""
        known = self._constants.setdefault((type(value), value), f"k{len(self._constants)}")
        self.values[known] = value
        return known

    @property
    def code(self) -> str:
        """The code to execute."""
        return "\n".join(code for code, _ in self._lines) + "\n"

    @property
    def shown(self) -> str:
        """The code for readers, with its constants at the top and its comments."""
        constants = [f"{name} = {_shown(value)}" for (_, value), name in self._constants.items()]
        lines = [f"{code}  # {_shown(note)}" if note else code for code, note in self._lines]
        return "\n".join([*constants, *([""] if constants else []), *lines]) + "\n"

    def run(self, name: str) -> dict[str, Any]:
        """Execute the code and return its namespace. It can access only `values`, not Python's builtins."""
        namespace = {"__builtins__": {}, **self.values}
        exec(compile(self.code, f"<{name}>", "exec"), namespace)
        return namespace


def _shown(value: Constant) -> str:
    """A value on one line, with any special characters escaped."""
    return json.dumps(value if isinstance(value, str | int) else str(value))
