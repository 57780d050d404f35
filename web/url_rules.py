"""Rules of addresses whose builder is compiled at first use.

Werkzeug 3.1 compiles two functions for each rule when it is added, by which its addresses are built. With
500 rules that was two thirds of the CPU time in which an application is created, which each worker process
does: 0.45 s, and 0.14 s without it. A process builds few of the addresses.
"""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class LazyRule(Rule):
    """A rule that compiles how its addresses are built when the first one is built."""

    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        compiled: list[Builder] = []
        compile_now = super()._compile_builder

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            if not compiled:
                compiled.append(compile_now(append_unknown))
            return compiled[0](rule, **values)

        return build
