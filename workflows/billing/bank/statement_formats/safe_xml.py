"""XML of strangers: no document type, no entities, no network, limited depth. Elements by their local names.

defusedxml 0.7.1 refuses the first two as they are declared; expat never fetches anything by itself.
"""

from collections.abc import Callable
from xml.etree.ElementTree import Element, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from workflows.billing.bank.statement_formats.values import (
    StatementCutOff,
    StatementNotSafe,
    UnreadableStatement,
)
from workflows.languages.texts import gettext

MOST_DEPTH = 40
_CUT_OFF = frozenset({3, 5, 6, 20})
"""Expat: an element, a token, a character or a CDATA section that is not closed at the end of the file."""


class _TooDeep(Exception):
    pass


class _Elements(TreeBuilder):
    """Builds elements with local names. An element called `part` is handed over and then emptied."""

    def __init__(self, part: str, take: Callable[[Element], None]) -> None:
        super().__init__()
        self._part, self._take = part, take
        self._depth = 0
        self.namespace = ""

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _TooDeep
        namespace, _, name = tag.rpartition("}")
        if self._depth == 1:
            self.namespace = namespace.removeprefix("{")
        return super().start(name, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        element = super().end(tag.rpartition("}")[2])
        if element.tag == self._part:
            self._take(element)
            element.clear()
        return element


def read_xml(data: bytes, *, part: str, take: Callable[[Element], None]) -> tuple[str, Element]:
    """The namespace and the root element. `take` gets each element called `part`, which is then empty.

    Raises: StatementCutOff, StatementNotSafe, UnreadableStatement, and what `take` raises.
    """
    elements = _Elements(part, take)
    parser = DefusedXMLParser(target=elements, forbid_dtd=True)
    try:
        parser.feed(data)
        root = parser.close()
    except DefusedXmlException:
        raise StatementNotSafe(
            gettext("The file declares a document type or entities, which are not read."),
            remedy=gettext(
                "Download the statement from the bank's site again; do not open files from others."
            ),
        ) from None
    except _TooDeep:
        raise StatementNotSafe(
            gettext(
                "The file nests elements more than %(most_depth)s deep, which no statement does.",
                most_depth=MOST_DEPTH,
            ),
            remedy=gettext("Download the statement from the bank's site again."),
        ) from None
    except ParseError as error:
        raise _malformed(error) from None
    except (LookupError, ValueError):  # an encoding that does not exist, or that expat does not read
        raise UnreadableStatement(
            gettext("The file names an encoding that is not read."),
            remedy=gettext("Export the statement in UTF-8."),
        ) from None
    return elements.namespace, root


def _malformed(error: ParseError) -> UnreadableStatement:
    line, column = error.position
    if error.code in _CUT_OFF:
        return StatementCutOff(
            gettext("The file ends in the middle, in line %(line)s.", line=line),
            remedy=gettext("Download the statement from the bank again."),
            line=line,
        )
    return UnreadableStatement(
        gettext(
            "The file is not well-formed XML: line %(line)s, column %(column)s.", line=line, column=column + 1
        ),
        remedy=gettext("Download the statement from the bank again, and send it unchanged."),
        line=line,
        column=column + 1,
    )
