"""A tagged PDF/A-3B document of A4 pages: paragraphs, and tables whose rows may be longer than a page.

Each piece of text is tagged as a heading or a paragraph, in reading order; what repeats on each page is an
artifact. fpdf2 has no tags within each other, so a line of a table is a paragraph.
"""

import math
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from io import BytesIO
from typing import Literal

from fpdf import FPDF
from PIL import Image, ImageOps

from workflows.core.pdf_font import FAMILY, add_fonts, printable
from workflows.languages.texts import gettext

MARGIN_MM = 18
FOOTER_MM = 24
PROGRAM = "Coverdesk"
SMALLEST = 6.0
"""The size of the smallest amounts, in points."""
DOTS_PER_MM = 24
"""600 dpi: a finer picture makes each document larger, and prints no better."""
Align = Literal["L", "R"]
Tag = Literal["H1", "H2", "P"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, its width in millimetres."""

    title: str
    width_mm: float
    align: Align = "L"


class Page(FPDF):
    """The document; `footer_lines` are at the bottom of each page, with the page's number."""

    def __init__(
        self, title: str, author: str, created_on: date, footer_lines: Sequence[str], language: str
    ) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4", enforce_compliance="PDF/A-3B")
        self.footer_lines = footer_lines
        self._marks = 0
        add_fonts(self)
        self.set_margins(MARGIN_MM, MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=FOOTER_MM + 4)
        self.set_title(title)
        self.set_author(author)
        self.set_producer(PROGRAM)
        self.set_creator(PROGRAM)
        self.set_lang(language)
        self.set_creation_date(datetime.combine(created_on, time(), UTC))
        self.add_page()

    def header(self) -> None:
        self._marks = 0

    def footer(self) -> None:
        with self._artifact():
            self.set_y(-FOOTER_MM)
            self.set_draw_color(150)
            self.line(MARGIN_MM, self.y, self.w - MARGIN_MM, self.y)
            self.ln(1)
            self.set_font(FAMILY, size=7.5)
            for text in self.footer_lines:
                self.cell(w=0, h=3.4, text=printable(text), align="C", new_x="LMARGIN", new_y="NEXT")
            self.cell(
                w=0,
                h=3.4,
                text=gettext("Page %(page)s of %(pages)s", page=self.page_no(), pages="{nb}"),
                align="C",
            )

    def text_block(
        self,
        text: str,
        *,
        tag: Tag = "P",
        size: float = 9.5,
        bold: bool = False,
        width_mm: float = 0,
        align: Align = "L",
    ) -> None:
        """Text at the current place, over as many lines and pages as it takes."""
        height_mm = size * 0.46
        self.set_font(FAMILY, style="B" if bold else "", size=size)
        left = self.x
        for line in self.broken(text, width_mm or self.w - self.r_margin - left):
            self.break_page_before(height_mm)
            self.set_x(left)
            with self._tagged(tag):
                self.cell(w=width_mm, h=height_mm, text=line, align=align, new_x="LEFT", new_y="NEXT")

    def table(  # type: ignore[override]
        self, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, size: float = 9
    ) -> None:
        """A table with its head on each page. A row that does not fit on a page goes on at the next one.

        It is printed smaller where a number would not fit into its column.
        """
        numbers = (
            (text, column.width_mm)
            for row in rows
            for text, column in zip(row, columns, strict=True)
            if column.align == "R"
        )
        size = self.size_for(numbers, size)
        self.break_page_before(size * 2)
        self._head(columns, size)
        for row in rows:
            self._row(columns, row, size)

    def broken(self, text: str, width_mm: float) -> list[str]:
        """The lines that a text takes in the current font."""
        lines: list[str] = self.multi_cell(  # type: ignore[assignment]
            w=width_mm, text=printable(text), dry_run=True, output="LINES", align="L"
        )
        return lines

    def size_for(self, texts: Iterable[tuple[str, float]], size: float, *, bold: bool = False) -> float:
        """The size, from `SMALLEST` to `size`, at which each word of a text fits into its millimetres.

        fpdf2 2.8.9 breaks a word that is too wide after any letter, so that "12,345.67" would go on with its
        last digit in the next line: findings/fpdf2-amount-over-lines.sh.
        """
        self.set_font(FAMILY, style="B" if bold else "", size=size)
        fits = 1.0
        for text, width_mm in texts:
            taken = max(map(self.get_string_width, printable(text).split(" ")))
            fits = min(fits, (width_mm - 2 * self.c_margin) / max(taken, 1))
        return size if fits >= 1 else max(math.floor(size * fits * 10) / 10, SMALLEST)

    def break_page_before(self, height_mm: float) -> bool:
        """Begin a page if this does not fit on the current one; returns whether it did."""
        if self.y + height_mm <= self.page_break_trigger:
            return False
        font = self.font_size_pt, self.font_style
        self.add_page()
        self.set_font(FAMILY, style=font[1], size=font[0])
        return True

    def picture(self, data: bytes, *, alternative: str, width_mm: float, height_mm: float) -> None:
        """A picture in a box at the upper right corner, with an alternative text.

        It is stored in RGB without transparency, as the output intent of the document says, the way up that
        its camera noted, and no finer than printers are.
        """
        with Image.open(BytesIO(data)) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGBA")
        picture.thumbnail((round(width_mm * DOTS_PER_MM), round(height_mm * DOTS_PER_MM)))
        opaque = Image.new("RGB", picture.size, "white")
        opaque.paste(picture, mask=picture.getchannel("A"))
        x = self.w - self.r_margin - width_mm
        self.image(
            opaque,
            x=x,
            y=MARGIN_MM - 6,
            w=width_mm,
            h=height_mm,
            keep_aspect_ratio=True,
            alt_text=alternative,
        )
        # the picture has a mark of its own
        self._marks += 1

    def _head(self, columns: Sequence[Column], size: float) -> None:
        self.set_font(FAMILY, style="B", size=size)
        self.set_fill_color(235)
        with self._tagged("P"):
            for column in columns:
                self.cell(w=column.width_mm, h=6, text=printable(column.title), align=column.align, fill=True)
        self.ln(6.5)
        self.set_font(FAMILY, size=size)

    def _row(self, columns: Sequence[Column], row: Sequence[str], size: float) -> None:
        height_mm = size * 0.46
        cells = [self.broken(text, column.width_mm) for column, text in zip(columns, row, strict=True)]
        count = max(map(len, cells))
        # a row stays together unless it is a long one
        if self.break_page_before(height_mm * min(count, 6) + 1):
            self._head(columns, size)
        for number in range(count):
            if self.break_page_before(height_mm + 1):
                self._head(columns, size)
            with self._tagged("P"):
                for column, lines in zip(columns, cells, strict=True):
                    text = lines[number] if number < len(lines) else ""
                    self.cell(w=column.width_mm, h=height_mm, text=text, align=column.align)
            self.ln(height_mm)
        with self._artifact():
            self.set_draw_color(210)
            self.line(MARGIN_MM, self.y + 0.5, self.w - MARGIN_MM, self.y + 0.5)
        self.ln(1)

    @contextmanager
    def _tagged(self, tag: Tag) -> Generator[None]:
        """Mark what is printed meanwhile, on one page, as an element of the document's structure."""
        mark = self._marks
        self._marks += 1
        self._add_marked_content(struct_type=f"/{tag}", mcid=mark)
        self._out(f"/{tag} <</MCID {mark}>> BDC")
        yield
        self._out("EMC")

    @contextmanager
    def _artifact(self) -> Generator[None]:
        self._out("/Artifact BMC")
        yield
        self._out("EMC")
