"""Each setting that is offered changes something: code outside the settings themselves reads it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from workflows.commands.rounding import RoundingTerms
from workflows.core.settings import Company, Settings
from workflows.core.work_calendar import WorkCalendarSetting

CHECKOUT = Path(__file__).resolve().parents[3]
DEFINED_IN = {
    "workflows/core/settings.py",
    "workflows/commands/administration.py",
    "workflows/administration/settings.py",
    "web/pages/administration/settings.py",
    "web/pages/administration/settings_form.py",
    "web/pages/administration/activation.py",
    "web/pages/wording/settings.py",
}
"""Files that define, store and edit settings. Reading one there has no further effect."""
READ_AS = {"time_zone": "zone", "work_calendar": "business_hours"}
"""Properties of the settings, by the setting from which they are computed."""
READ_WHOLE = {"rounding": RoundingTerms, "work_calendar": WorkCalendarSetting}
"""Nested settings whose fields are passed on together."""


def attributes_read() -> Iterator[tuple[str, ...]]:
    """The names after `settings` in each expression such as `tx.settings.company.name`."""
    for package in ("engine", "workflows", "web"):
        for path in (CHECKOUT / package).rglob("*.py"):
            if path.relative_to(CHECKOUT).as_posix() not in DEFINED_IN:
                for node in ast.walk(ast.parse(path.read_text())):
                    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                        yield from names_after_settings(node)


def names_after_settings(node: ast.Attribute) -> Iterator[tuple[str, ...]]:
    names: list[str] = []
    inner: ast.expr = node
    while isinstance(inner, (ast.Attribute, ast.Call)):
        if isinstance(inner, ast.Call):
            inner = inner.func
            continue
        if inner.attr in ("settings", "_settings"):
            break
        names.insert(0, inner.attr)
        inner = inner.value
    owner = inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", None)
    if names and owner in ("settings", "_settings"):
        yield tuple(names)


def test_each_offered_setting_is_read() -> None:
    read = set(attributes_read())
    for name in Settings.model_fields:
        assert any(names[0] in (name, READ_AS.get(name)) for names in read), f"nothing reads {name}"
    for name in Company.model_fields:
        assert any(names[:2] == ("company", name) for names in read), f"nothing reads company.{name}"
    nested = {name for name, one in Settings.model_fields.items() if hasattr(one.annotation, "model_fields")}
    assert nested == {*READ_WHOLE, "company"}
