"""Compile the catalogues: the `.po` files of a language become one `messages.mo`.

A language has a file for each part of the product, so that each stays small enough to be read; one text is in
one file. Run by `make install` as `python -m workflows.languages.compiling`.
"""

from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from workflows.languages.texts import CATALOGUES, DOMAIN, LANGUAGES, SOURCE


def read_catalogues(code: str, folder: Path = CATALOGUES) -> Iterator[tuple[str, Catalog]]:
    """The file names and contents of the catalogues of a language."""
    for path in sorted((folder / code).glob("*.po")):
        with path.open("rb") as file:
            yield path.name, read_po(file, locale=code, abort_invalid=True)


def compile_catalogues(code: str, folder: Path = CATALOGUES) -> Path:
    """Write `LC_MESSAGES/messages.mo` of a language; returns its path."""
    merged = Catalog(locale=code)
    for _, one in read_catalogues(code, folder):
        for message in one:
            if message.id and message.string:
                merged.add(message.id, message.string, context=message.context)
    compiled = folder / code / "LC_MESSAGES" / f"{DOMAIN}.mo"
    compiled.parent.mkdir(exist_ok=True)
    with compiled.open("wb") as file:
        write_mo(file, merged)
    return compiled


if __name__ == "__main__":
    for language in LANGUAGES:
        if language != SOURCE:
            compile_catalogues(language)
