"""The pages of a statement as a PDF document. Import it where a document is made: its library loads long."""

from fpdf import FPDF
from fpdf.fonts import FontFace

from web.languages import gettext, language
from workflows.core.pdf_font import FAMILY, add_fonts, printable

MARGIN_MM = 15
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
