"""The rule files as shipped, and ways to change a copy of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

RULES = Path(__file__).parents[2] / "rules"


def shipped_files() -> dict[str, str]:
    """Every file of the rules folder, schemas and texts for people left out."""
    return {
        path.relative_to(RULES).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(RULES.rglob("*.json"))
        if path.relative_to(RULES).parts[0] != "schema"
    }


def with_text(path: str, text: str) -> dict[str, str]:
    """The shipped files with one replaced or added."""
    return {**shipped_files(), path: text}


def with_change(path: str, change: Callable[[Any], object]) -> dict[str, str]:
    """The shipped files with one changed in its parsed form."""
    document = json.loads(shipped_files()[path])
    change(document)
    return with_text(path, json.dumps(document, indent=2))
