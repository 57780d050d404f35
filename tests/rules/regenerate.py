"""Writes what is made from the registry: the JSON Schemas, and the reference in rules/README.md.

Run after a change to a variable, operator or action: python -m tests.rules.regenerate
"""

from engine.rulebook.reference import reference_text
from engine.rulebook.schemas import schema_texts
from tests.rules.files import RULES

README = RULES / "README.md"
REFERENCE = "## Reference\n"


def readme_text() -> str:
    """The guide as it stands, with the reference as the registry has it."""
    guide, _, _ = README.read_text(encoding="utf-8").partition(REFERENCE)
    return guide + reference_text()


if __name__ == "__main__":
    README.write_text(readme_text(), encoding="utf-8")
    for name, text in schema_texts().items():
        (RULES / "schema" / name).write_text(text, encoding="utf-8")
