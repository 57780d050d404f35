"""XML as text: elements without content are left out, which e-invoice rules demand (PEPPOL-EN16931-R008)."""

import re
from typing import NewType
from xml.sax.saxutils import escape, quoteattr

Xml = NewType("Xml", str)
"""Well-formed XML, or nothing."""
NOTHING = Xml("")

# What XML 1.0 has no way to write: control characters, halves of a surrogate pair, non-characters.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>\n"


def leaf(name: str, text: str, **attributes: str) -> Xml:
    """An element with a text; nothing if the text is blank. Characters that XML cannot have are blanks."""
    if not text.strip():
        return NOTHING
    return Xml(f"<{name}{_attributes(attributes)}>{escape(writable(text))}</{name}>")


def writable(text: str) -> str:
    """The text with a blank for each character that XML cannot have."""
    return _NOT_XML.sub(" ", text)


def parent(name: str, *children: Xml, **attributes: str) -> Xml:
    """An element around others; nothing if all of them are empty."""
    inner = "".join(children)
    return Xml(f"<{name}{_attributes(attributes)}>{inner}</{name}>") if inner else NOTHING


def xml_file(root: Xml) -> bytes:
    """The bytes of a file in UTF-8."""
    return (_DECLARATION + root + "\n").encode()


def _attributes(attributes: dict[str, str]) -> str:
    # `xmlns:ram` cannot be a keyword, so it is written xmlns__ram
    return "".join(f" {name.replace('__', ':')}={quoteattr(value)}" for name, value in attributes.items())
