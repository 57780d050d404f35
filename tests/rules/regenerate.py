"""Writes what is generated from the registry: the JSON Schemas, and the reference in rules/README.md.

Run after changing a variable, operator or action: python -m tests.rules.regenerate
"""

from engine.rulebook.reference import reference_text
from engine.rulebook.schemas import schema_texts
from tests.rules.files import RULES

README = RULES / "README.md"
REFERENCE = "## Reference\n"


def readme_text() -> str:
    """The current guide, with the reference generated from the registry."""
    guide, _, _ = README.read_text(encoding="utf-8").partition(REFERENCE)
    return guide + reference_text()


if __name__ == "__main__":
    README.write_text(readme_text(), encoding="utf-8")
    for name, text in schema_texts().items():
        (RULES / "schema" / name).write_text(text, encoding="utf-8")
