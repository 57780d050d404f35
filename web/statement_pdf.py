"""Statements as PDF documents: A4, page numbers, and a font in the file that has the letters of Europe."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal

from web.languages import gettext
from workflows.core.errors import invalid
from workflows.languages.formats import number_text

MOST_LINES = 2000
"""The most lines of a document; each takes half a millisecond."""
Align = Literal["LEFT", "RIGHT"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its share of the width is `width` of the sum of all widths, or more for numbers.

    `title` is in English, and translated in the document.
    """

    title: str
    width: int
    align: Align = "LEFT"


def statement_pdf(
    *,
    title: str,
    facts: Sequence[str],
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    sender: str,
    created_at: datetime,
) -> bytes:
    """A statement as a PDF file: a title, lines of facts below it, and a table whose head is on each page.

    Raises: InvalidInput for more than 2,000 rows.
    """
    # not with the module: the library would be a fifth of the program's start
    from web.statement_pages import HEADINGS, StatementPages
    from workflows.core.pdf_font import FAMILY, printable

    # before the document, which opens the fonts
    lines = list(islice(rows, MOST_LINES + 1))
    if len(lines) > MOST_LINES:
        raise invalid(
            "/to",
            gettext("A PDF has at most %(count)s lines.", count=number_text(MOST_LINES)),
            gettext("Choose fewer days, or take the CSV."),
        )
    document = StatementPages(title, sender)
    document.set_creation_date(created_at)
    document.add_page()
    document.set_font(FAMILY, style="B", size=16)
    document.multi_cell(w=0, text=printable(title), new_x="LMARGIN", new_y="NEXT")
    document.set_font(FAMILY, size=10)
    for fact in facts:
        document.multi_cell(w=0, text=printable(fact), new_x="LMARGIN", new_y="NEXT")
    document.ln(4)
    document.set_font(FAMILY, size=9)
    titles = [gettext(column.title) for column in columns]
    cells = [[printable(cell) for cell in line] for line in lines]
    numbers = {
        place: {titles[place], *(line[place] for line in cells)}
        for place, column in enumerate(columns)
        if column.align == "RIGHT"
    }
    with document.table(
        col_widths=document.widths([column.width for column in columns], numbers),
        text_align=tuple(column.align for column in columns),
        headings_style=HEADINGS,
        borders_layout="HORIZONTAL_LINES",
        line_height=4.5,
    ) as table:
        table.row(titles)
        for line in cells:
            table.row(line)
    return bytes(document.output())
