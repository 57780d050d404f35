"""The JSON Schemas of the rule files, generated from the registry for completion and validation in editors.

They are never stricter than the checker, which also checks what a schema cannot express: names in other
files, unique ids, examples.

files   one schema for each kind of file; conditions: rules, conditions, actions; parts: building blocks
"""

from engine.rulebook.schemas.files import schema_texts

__all__ = ["schema_texts"]
