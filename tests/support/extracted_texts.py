"""The texts that the code marks for translation, read from the sources of `web` and `workflows`.

`python -m tests.support.extracted_texts de billing` prints what a language lacks, of the sources whose path
has the word, as entries of a `.po` file.
"""

import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import write_po

from workflows.languages.compiling import read_catalogues
from workflows.languages.texts import SEPARATOR

CHECKOUT = Path(__file__).resolve().parents[2]
KEYWORDS = {**DEFAULT_KEYWORDS, "mark": None, "lazy_text": None, "mark_in": ((1, "c"), 2)}
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "silent": "false", "trim_blocks": "true"}}
Text = str | tuple[str, ...]


@cache
def extracted_texts() -> dict[Text, list[str]]:
    """Each text, or the singular and the plural of one, with the places where it stands."""
    found: dict[Text, list[str]] = defaultdict(list)
    for package in ("web", "workflows"):
        for path, line, text, _, context in extract_from_dir(
            CHECKOUT / package, METHODS, options_map=OPTIONS, keywords=KEYWORDS
        ):
            found[_key(text, context)].append(f"{package}/{path}:{line}")
    return dict(found)


@cache
def translations(code: str) -> dict[Text, list[tuple[str, Message]]]:
    """Each text of a language's catalogues with the files that have it."""
    found: dict[Text, list[tuple[str, Message]]] = defaultdict(list)
    for name, catalog in read_catalogues(code):
        for message in catalog:
            if message.id:
                text = tuple(message.id) if isinstance(message.id, list | tuple) else message.id
                found[_key(text, message.context)].append((name, message))
    return dict(found)


def _key(text: Text, context: str | None) -> Text:
    """The text, with its context before it where it has one, as in compiled catalogues."""
    return f"{context}{SEPARATOR}{text}" if context else text


def is_translated(message: Message) -> bool:
    """Whether every form of a text is there, and nobody marked it as doubtful."""
    forms = message.string if isinstance(message.string, list | tuple) else [message.string]
    return all(forms) and not message.fuzzy


def main(code: str, word: str = "") -> None:
    known = translations(code)
    missing = Catalog(locale=code)
    for text, places in extracted_texts().items():
        if text not in known and any(word in place for place in places):
            context, _, rest = text.rpartition(SEPARATOR) if isinstance(text, str) else ("", "", text)
            missing.add(
                rest,
                context=context or None,
                locations=[(place.rpartition(":")[0], int(place.rpartition(":")[2])) for place in places],
            )
    write_po(sys.stdout.buffer, missing, omit_header=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
