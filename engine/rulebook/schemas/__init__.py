"""The JSON Schemas of the rule files, written from the registry for editors to complete and mark with.

They are never stricter than the checker, which also knows what no schema can say: names in other files,
ids that are taken, examples that fail.

files   one schema for each kind of file; conditions: rules, conditions, actions; parts: what they are made of
"""

from engine.rulebook.schemas.files import schema_texts

__all__ = ["schema_texts"]
