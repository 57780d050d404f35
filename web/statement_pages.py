"""The pages of a statement as a PDF document. Import it where a document is made: its library loads long."""

from collections.abc import Iterable, Mapping, Sequence

from fpdf import FPDF
from fpdf.fonts import FontFace

from web.languages import gettext, language
from workflows.core.pdf_font import FAMILY, add_fonts, printable

MARGIN_MM = 15
ROUNDING_MM = 0.1
HEADINGS = FontFace(emphasis="BOLD", fill_color=235)


class StatementPages(FPDF):
    """A page with the name of the document and of its sender at the top, and its number at the bottom."""

    def __init__(self, title: str, sender: str) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self.sender = sender
        add_fonts(self)
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM + 5)
        self.set_title(title)
        self.set_author(sender)
        self.set_lang(language())

    def header(self) -> None:
        self.set_font(FAMILY, size=8)
        self.cell(w=0, text=printable(self.sender), align="R", new_x="LMARGIN", new_y="NEXT")
        self.ln(2)

    def footer(self) -> None:
        self.set_y(-MARGIN_MM)
        self.set_font(FAMILY, size=8)
        self.cell(
            w=0, text=gettext("Page %(number)s of %(total)s", number=self.page_no(), total="{nb}"), align="C"
        )

    def widths(self, shares: Sequence[int], numbers: Mapping[int, Iterable[str]]) -> list[float]:
        """The widths of columns in millimetres, which fill the page, from their shares of it.

        `numbers` has the texts of some columns by their place: each takes its share, or what its longest text
        needs. The others share the rest. fpdf2 2.8.9 goes on in the next line after any digit of a number
        that is too wide for its column: findings/fpdf2-amount-over-lines.sh.
        """
        # as in a heading, which is the widest
        self.set_font(FAMILY, style="B")
        fixed = {
            place: max(self.epw * shares[place] / sum(shares), self._longest(texts))
            for place, texts in numbers.items()
        }
        self.set_font(FAMILY)
        others = sum(share for place, share in enumerate(shares) if place not in fixed)
        one_share = (self.epw - sum(fixed.values())) / max(others, 1)
        return [fixed.get(place, one_share * share) for place, share in enumerate(shares)]

    def _longest(self, texts: Iterable[str]) -> float:
        return max(map(self.get_string_width, texts), default=0) + 2 * self.c_margin + ROUNDING_MM
