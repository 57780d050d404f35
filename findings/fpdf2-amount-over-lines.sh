#!/usr/bin/env bash
# fpdf2: an amount that is too wide for its column goes on in the next line, after any digit.
#
# Guess:      The default wrapmode "WORD" breaks between words, as it says; a single number that is too wide stays whole
#             and sticks out, or is refused.
# Instead:    A word that is too wide is broken after any character, without a hyphen: "123,456.78" becomes "123,456.7"
#             with an "8" below it, in table() as in multi_cell(). A no-break space makes
#             it worse: "CHF 10'000.00" is then one word and becomes "CHF 10'0" and "00.00", where with a common space
#             the amount would have had a line of its own.
# Version:    fpdf2 2.8.9. The documentation calls the mode "word based line wrapping"; of words that are too wide we
#             found nothing.
# Matters:    Statements and invoices look right with the amounts of the test data. With a larger one, the line reads
#             123,456.7, aligned to the right as if that were all.
# Do instead: Measure numbers by get_string_width(), and widen their column or take a smaller font; test with the largest
#             amount that is allowed.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'fpdf2==2.8.9' 'pillow==13.0.0' 'fonttools==4.68.0' 'defusedxml==0.7.1' 'pypdf==7.1.1'

"$work/venv/bin/python" - <<'PYTHON'
import io
import sys

import fpdf
import pypdf


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


document = fpdf.FPDF()
document.add_page()
document.set_font("helvetica", size=9)


def lines(text, width):
    """The lines of a cell that is so many millimetres wide."""
    return document.multi_cell(w=width, text=text, dry_run=True, output="LINES")


def printed(*cells, widths):
    """What a reader of the document finds of a table of one row, line by line."""
    printed_in = fpdf.FPDF()
    printed_in.add_page()
    printed_in.set_font("helvetica", size=9)
    with printed_in.table(
        col_widths=widths, width=sum(widths), text_align="RIGHT", first_row_as_headings=False, align="LEFT"
    ) as table:
        table.row(cells)
    return pypdf.PdfReader(io.BytesIO(printed_in.output())).pages[0].extract_text().split("\n")


print("fpdf2", fpdf.__version__)
show("control: 999.00 in 20 mm", lines("EUR 999.00", 20), ["EUR 999.00"])
show("123,456.78 in 17 mm", lines("EUR 123,456.78", 17), ["EUR", "123,456.7", "8"])
show("in 15 mm", lines("EUR 123,456.78", 15), ["EUR", "123,456.", "78"])
show("control: CHF 10'000.00 in 17 mm", lines("CHF 10'000.00", 17), ["CHF", "10'000.00"])
show("with a no-break space", lines("CHF\xa010'000.00", 17), ["CHF 10'0", "00.00"])
show("a row of a table", printed("Balance", "123,456.78", widths=(40, 17)), ["Balance", "123,456.7", "8"])
show("control: the same, 20 mm wide", printed("Balance", "123,456.78", widths=(40, 20)), ["Balance 123,456.78"])
PYTHON
