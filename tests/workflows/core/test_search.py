"""Searches find the same on both databases, by the index and by reading the list, as a plain model does."""

from random import Random

import pytest
from sqlalchemy import select

from tests.support.sample_desk import SampleDesk
from workflows.commands.register import ChangeCustomer, ChangeItem, ChangeOrgUnit, NewCustomer
from workflows.commands.service_requests import ChangeServiceRequest
from workflows.contracts.queries import list_contracts
from workflows.core.search import _indexed_ids, find_ids, parse
from workflows.register import change_customer, change_item, change_org_unit, list_customers, list_items
from workflows.register.customers import create_customer
from workflows.service_requests.queries import list_service_requests
from workflows.service_requests.use_cases import change_service_request
from workflows.store import tables as t
from workflows.store.search_index import MOST_WAITING
from workflows.store.search_words import search_words, words_in
from workflows.store.truncate import empty_tables

ORDERS = ("opened_at", "-opened_at")
SUBJECTS = (
    "The printer does not print",
    "Drucker im 2. Stock: Ärger",
    "ÄRGER mit dem Drucker!",
    "Paper jam (tray 12)",
    "VPN: cannot connect",
    "cannot print VPN list",
    "Straße gesperrt",
    "...",
    "Ошибка входа",
    "café CAFÉ cafe\u0301",
    "does it not start?",
    "e-mail to bob@example.com bounces",
    "C:\\temp 'quoted' \"words\" here",
    "50% of it_all",
)
QUERIES = (
    "printer",
    "PRINT",
    "prin",
    "rinter",
    "ärger",
    "arger",
    "Drucker stock",
    "stock drucker",
    '"does not"',
    '"not does"',
    '"does not" printer',
    '"doe not"',
    "12",
    "tray 12",
    "strasse",
    "STRASSE",
    "ошибка",
    "Ошиб",
    "cafe",
    "café",
    "e-mail",
    "mail",
    "bob@example",
    "temp quoted",
    "%",
    "_",
    "50%",
    "it_all",
    "*",
    '"',
    '""',
    "'",
    "\\",
    "-",
    "AND",
    "OR NOT",
    "a OR b",
    "NEAR(a b)",
    "words:*",
    "(",
    ")",
    "()",
    "!x",
    "&",
    "|",
    ":",
    "<->",
    "id:1",
    "x" * 255,
    'unclosed "print',
    "vpn cannot",
    '"cannot print" vpn',
    "ann",
    "ann vpn",
    "1003",
    "sr-1003",
    "SR",
    "sr 1003 vpn",
    "\u00b7",
    "ﬁ",
    "İ",
)


def model_finds(q: str, document: str) -> bool:
    """The meaning of a search: every word begins a word, every phrase follows in order."""
    words, search = document.split(), parse(q)
    if not search.prefixes and not search.phrases:
        return False

    def begins(prefix: str) -> bool:
        zeros = range(4) if prefix.isascii() and prefix.isdigit() else range(1)
        return any(word.startswith("0" * zero + prefix) for word in words for zero in zeros)

    def follows(phrase: tuple[str, ...]) -> bool:
        size = len(phrase)
        return any(tuple(words[at : at + size]) == phrase for at in range(len(words)))

    return all(map(begins, search.prefixes)) and all(map(follows, search.phrases))


@pytest.fixture
def requests(sample: SampleDesk) -> dict[str, tuple[str, str]]:
    """The words of service requests and of their customers, by the id of the request."""
    random = Random(1)
    bob = sample.do(create_customer, NewCustomer(email="bob@example.com", name="Bób Ünal"))
    words = {}
    for subject in SUBJECTS:
        customer, item = random.choice([(sample.ann, sample.laptop), (bob, None)])
        request = sample.log(subject, customer=customer, item=item)
        name, email = (
            ("Ann", "ann@example.com") if customer == sample.ann else ("Bób Ünal", "bob@example.com")
        )
        own = search_words(sample.request(request).number, subject, name)
        words[request] = (own, search_words(name, email))
    return words


@pytest.mark.parametrize("most_found", [500, 3, 0])
def test_every_search_finds_what_the_model_finds(
    sample: SampleDesk,
    monkeypatch: pytest.MonkeyPatch,
    requests: dict[str, tuple[str, str]],
    most_found: int,
) -> None:
    """With a lower limit the list is read instead of the index."""
    for module in ("workflows.core.search", "workflows.service_requests.queries"):
        monkeypatch.setattr(f"{module}.MOST_FOUND", most_found)
    monkeypatch.setattr("workflows.core.search._indexed_ids", _indexed_ids.__wrapped__)
    for q in QUERIES:
        found = {one.id for one in sample.see(list_service_requests, q=q).items}
        expected = {id_ for id_, words in requests.items() if any(model_finds(q, one) for one in words)}
        assert found == expected, q


def test_a_search_follows_every_change(sample: SampleDesk) -> None:
    request = sample.log("Slow")
    contract = sample.sell("support_hours", minutes=60)

    def found(q: str) -> list[str]:
        return [one.id for one in sample.see(list_service_requests, q=q).items]

    assert found("slow") == found("ann") == found("SR-1001") == [request]
    sample.do(change_service_request, request, ChangeServiceRequest(subject="Loud"))
    assert (found("slow"), found("loud")) == ([], [request])
    sample.do(change_customer, sample.ann, ChangeCustomer(name="Zoë Müller"))
    assert (found("ann slow"), found("zoe loud"), found("muller")) == ([], [request], [request])
    assert [one.id for one in sample.see(list_contracts, q="müller").items] == [contract]
    assert [one.id for one in sample.see(list_contracts, q="sh 1").items] == [contract]
    sample.do(change_item, sample.laptop, ChangeItem(name="Workstation", number="WS-0009"))
    assert [one.id for one in sample.see(list_items, q="9 work").items] == [sample.laptop]
    sample.do(change_org_unit, sample.site, ChangeOrgUnit(name="Acme Köln"))
    held = sample.sell("subscription", to=("org_unit", sample.site))
    assert [one.id for one in sample.see(list_contracts, q="koln").items] == [held]
    bob = sample.customer("Bob", sample.site)
    sample.do(change_service_request, request, ChangeServiceRequest(customer=bob, item=None))
    assert (found("muller"), found("bob loud")) == ([], [request])
    assert [one.id for one in sample.see(list_customers, q="zoe").items] == [sample.ann]


def test_requests_are_found_before_and_after_they_are_indexed_together(sample: SampleDesk) -> None:
    logged = [sample.log(f"Alarm {'odd' if number % 2 else 'even'}") for number in range(MOST_WAITING + 3)]
    sample.do(change_service_request, logged[0], ChangeServiceRequest(subject="Silence"))
    sample.do(change_service_request, logged[-1], ChangeServiceRequest(subject="Silence"))

    def found(q: str) -> set[str]:
        pages = (sample.see(list_service_requests, q=q, order=order, limit=50) for order in ORDERS)
        return {one.id for page in pages for one in page.items}

    assert found("alarm odd") == {one for number, one in enumerate(logged[:-1]) if number % 2}
    assert found("alarm even") == set(logged[2:-1:2])
    assert found("silence") == {logged[0], logged[-1]}
    assert found("ann") == set(logged)


def test_an_emptied_desk_finds_nothing(sample: SampleDesk) -> None:
    for _ in range(MOST_WAITING + 3):
        sample.log("Alarm")
    with sample.desk.write() as tx:
        empty_tables(tx.connection)
        for table in (t.service_request, t.customer):
            assert find_ids(tx, table, parse("alarm")) == find_ids(tx, table, parse("ann")) == set()


def test_every_record_has_its_words(sample: SampleDesk) -> None:
    sample.sell("incident_pack", incidents=3)
    for subject in SUBJECTS:
        sample.log(subject)
    sample.do(create_customer, NewCustomer(email="x.y@example.com", name="Ünal"))
    texts = {
        t.customer: ("name", "email"), t.item: ("number", "name"), t.org_unit: ("code", "name"),
    }  # fmt: skip
    for table, columns in texts.items():
        for row in sample.rows(table):
            assert row.search_words == search_words(*(getattr(row, column) for column in columns))
    r, c = t.service_request.c, t.customer.c
    with sample.desk.read() as tx:
        for row in tx.connection.execute(
            select(r.search_words, r.subject, c.name).where(r.customer_id == c.id)
        ):
            assert row.search_words == search_words(row.subject, row.name)


def test_words_have_no_case_and_no_accents() -> None:
    assert words_in("Ärger STRASSE Straße ﬁne Cafe\u0301") == ["arger", "strasse", "strasse", "fine", "cafe"]
    assert search_words("", None, "...") == " "
