"""The font of PDF documents, and texts in it: Source Sans Pro has the letters of Latin, Greek and Cyrillic.

    printable("北京 – Ø 😀") == "BeiJing – Ø :grinning:"

The font is by Adobe, under the SIL Open Font License 1.1, which is in its package.
"""

import logging
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from anyascii import anyascii
from fpdf import FPDF
from fpdf.fonts import TTFFont

FAMILY = "Source Sans Pro"
_PACKAGE = "font_source_sans_pro"
_REGULAR = "SourceSansPro-Regular.ttf"
_BOLD = "SourceSansPro-Bold.ttf"

# it logs each step of making a font smaller as information
logging.getLogger("fontTools").setLevel(logging.WARNING)


def add_fonts(document: FPDF) -> None:
    """Embed the font, regular and bold, in a document."""
    folder = _folder()
    document.add_font(FAMILY, fname=folder / _REGULAR)
    document.add_font(FAMILY, style="B", fname=folder / _BOLD)


def printable(text: str) -> str:
    """The text as the font can show it: other letters in Latin ones, control characters as blanks."""
    known = _characters()
    return "".join(
        character if character in known or character == "\n" else _in_latin(character) for character in text
    )


def _in_latin(character: str) -> str:
    if not character.isprintable():
        return " "
    # nothing for marks, and for signs that only lengthen a sound
    return anyascii(character)


@cache
def _characters() -> frozenset[str]:
    """The characters that both fonts have."""
    document = FPDF()
    add_fonts(document)
    fonts = [font for font in document.fonts.values() if isinstance(font, TTFFont)]
    codes = set.intersection(*(set(font.cmap) for font in fonts))
    for font in fonts:
        font.ttfont.close()
    return frozenset(map(chr, codes))


def _folder() -> Path:
    """The folder of the font's files. Its package is not imported: that needs setuptools."""
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(f"The package {_PACKAGE} is not installed: run make install.")
    return Path(next(iter(found.submodule_search_locations))) / "files"
