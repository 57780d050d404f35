"""Python that is written from checked rules, line by line, and then run.

What a rule file says never becomes part of it: its texts and numbers are constants beside the code, under
names made here, and what explains a line stands beside the line. Without the notes, rule sets that differ in
nothing but their constants are the same code.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Constant = object

INDENT = "    "


class Source:
    """Code in the making. `values` are what it may name besides its own: constants and helpers."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values: dict[str, Any] = dict(values)
        self._lines: list[tuple[str, str]] = []
        self._constants: dict[tuple[type, Constant], str] = {}
        self._depth = 0

    def line(self, code: str, note: str = "") -> None:
        """One line; `note` is for readers alone."""
        self._lines.append((INDENT * self._depth + code, note))

    @contextmanager
    def block(self, head: str, note: str = "") -> Iterator[None]:
        """A line that ends in a colon, with what belongs to it."""
        self.line(head, note)
        self._depth += 1
        yield
        self._depth -= 1

    def constant(self, value: Constant) -> str:
        """The name under which the code finds a value of a rule file; equal ones share theirs."""
        known = self._constants.setdefault((type(value), value), f"k{len(self._constants)}")
        self.values[known] = value
        return known

    @property
    def code(self) -> str:
        """What is run."""
        return "\n".join(code for code, _ in self._lines) + "\n"

    @property
    def shown(self) -> str:
        """The code for readers: with its constants first, and its notes."""
        constants = [f"{name} = {_shown(value)}" for (_, value), name in self._constants.items()]
        lines = [f"{code}  # {_shown(note)}" if note else code for code, note in self._lines]
        return "\n".join([*constants, *([""] if constants else []), *lines]) + "\n"

    def run(self, name: str) -> dict[str, Any]:
        """What the code defines. It can reach its values and nothing else, not even Python's builtins."""
        namespace = {"__builtins__": {}, **self.values}
        exec(compile(self.code, f"<{name}>", "exec"), namespace)
        return namespace


def _shown(value: Constant) -> str:
    """A value on one line, whatever is in it."""
    return json.dumps(value if isinstance(value, str | int) else str(value))
