"""No page has a text that is not translated: shown in a language of brackets, all that is outside is data."""

import os
import re

import pytest

from engine.currencies import CURRENCIES
from tests.support.pseudo_language import pseudo_language, texts_of_data, untranslated
from tests.support.web_clients import WebClients
from tests.web.pages.test_access import EVERYONE, PAGES
from workflows.notifications.events import TYPE_NAMES
from workflows.store.tables import metadata

NAME = re.compile(r'"(?:name|title|label|why|message|description)": "([^"]+)"')
"""Texts of rule files that pages show."""
ONLY = os.environ.get("COVERDESK_PAGES", "")
"""A part of a path, to look at fewer pages."""
SAME_IN_ALL = {
    "Coverdesk",
    "API",
    "CSV",
    "PDF",
    "DATEV",
    "Europe/Berlin",
    "Stripe",
    "camt.053",
    "No tax",  # the name of a tax rate in the settings
    "English",
    "Deutsch",
    "Français",
}


def data_of(web: WebClients) -> re.Pattern[str]:
    """Every text that is stored, and its words: names, numbers, codes; also the names of rule files."""
    found = {*SAME_IN_ALL, *CURRENCIES, *TYPE_NAMES}
    rule_set = web.sample.desk.config.rule_set
    if rule_set is not None:
        found |= {text for file in rule_set.files.values() for text in NAME.findall(file)}
        names = {path.rpartition("/")[2] for path in rule_set.files}
        found |= {*rule_set.files, *names, *(name.removesuffix(".json") for name in names)}
        found |= {rule_set.version[:length] for length in (8, 12)}
    for table in metadata.sorted_tables:
        for row in web.sample.rows(table):
            for value in row:
                if isinstance(value, str):
                    found.add(value)
                elif isinstance(value, bytes):
                    found |= {value.hex(), value.hex()[:10]}
    return texts_of_data(found)


@pytest.mark.parametrize("role", EVERYONE)
def test_every_text_of_every_page_is_translated(web: WebClients, role: str) -> None:
    ids = {**vars(web.records), "user": str(web.sample.technician.id)}
    browser = web.of_role(role)
    data = data_of(web)
    left: dict[str, list[str]] = {}
    with pseudo_language():
        for path, roles in PAGES:
            if role in roles and ONLY in path and "format=csv" not in path and ".csv" not in path:
                page = browser.open(path.format(**ids))
                pieces = untranslated(page.html, data)
                if pieces:
                    left[path] = pieces
    assert not left, "\n".join(f"{path}: {piece}" for path, pieces in left.items() for piece in pieces)
