"""Statements as PDF documents: A4, page numbers, and a font in the file that has the letters of Europe."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from fpdf import FPDF
from fpdf.fonts import FontFace

from workflows.core.errors import invalid

FAMILY = "Source Sans Pro"
FONT_PACKAGE = "font_source_sans_pro"
"""Source Sans Pro by Adobe, under the SIL Open Font License 1.1, which is in the package."""
MOST_LINES = 2000
"""The most lines of a document; each takes half a millisecond."""
MARGIN_MM = 15
Align = Literal["LEFT", "RIGHT"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its share of the width is `width` of the sum of all widths."""

    title: str
    width: int
    align: Align = "LEFT"


# it logs each step of making a font smaller as information
logging.getLogger("fontTools").setLevel(logging.WARNING)


class _Document(FPDF):
    """A page with the name of the document and of its sender at the top, and its number at the bottom."""

    def __init__(self, title: str, sender: str) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self.sender = sender
        folder = _font_folder()
        self.add_font(FAMILY, fname=folder / "SourceSansPro-Regular.ttf")
        self.add_font(FAMILY, style="B", fname=folder / "SourceSansPro-Bold.ttf")
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM + 5)
        self.set_title(title)
        self.set_author(sender)
        self.set_lang("en")

    def header(self) -> None:
        self.set_font(FAMILY, size=8)
        self.cell(w=0, text=self.sender, align="R", new_x="LMARGIN", new_y="NEXT")
        self.ln(2)

    def footer(self) -> None:
        self.set_y(-MARGIN_MM)
        self.set_font(FAMILY, size=8)
        self.cell(w=0, text=f"Page {self.page_no()} of {{nb}}", align="C")


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
    document = _Document(title, sender)
    document.set_creation_date(created_at)
    document.add_page()
    document.set_font(FAMILY, style="B", size=16)
    document.multi_cell(w=0, text=title, new_x="LMARGIN", new_y="NEXT")
    document.set_font(FAMILY, size=10)
    for fact in facts:
        document.multi_cell(w=0, text=fact, new_x="LMARGIN", new_y="NEXT")
    document.ln(4)
    document.set_font(FAMILY, size=9)
    with document.table(
        col_widths=tuple(column.width for column in columns),
        text_align=tuple(column.align for column in columns),
        headings_style=FontFace(emphasis="BOLD", fill_color=235),
        borders_layout="HORIZONTAL_LINES",
        line_height=4.5,
    ) as table:
        table.row([column.title for column in columns])
        for number, cells in enumerate(rows, 1):
            if number > MOST_LINES:
                raise invalid(
                    "/to", f"A PDF has at most {MOST_LINES:,} lines.", "Choose fewer days, or take the CSV."
                )
            table.row(list(cells))
    return bytes(document.output())


def _font_folder() -> Path:
    """The folder of the font's files. Its package is not imported: that needs setuptools."""
    found = find_spec(FONT_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(f"The package {FONT_PACKAGE} is not installed: run make install.")
    return Path(next(iter(found.submodule_search_locations))) / "files"
