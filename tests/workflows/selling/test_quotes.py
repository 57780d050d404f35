"""Quotes: drafts and versions, sending, deciding once, lapsing. It is Monday, 2 March 2026, 09:00 UTC."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support.sample_desk import SampleDesk
from tests.workflows.notifications.webhooks.test_events import heard, listen
from workflows.commands.contracts import HolderGiven, NewContract
from workflows.commands.fields import MoneyGiven
from workflows.commands.quotes import ChangeQuote, DecideQuote, NewQuote, QuoteLineGiven, SendQuote
from workflows.commands.selling import ChangeProduct, NewPrice, NewProduct
from workflows.core.actors import NOBODY, Actor
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, StateForbids, VersionChanged
from workflows.core.transaction import Transaction
from workflows.jobs.definitions import run_job
from workflows.notifications.mail_links import make_quote_secret
from workflows.selling.price_list import add_price, change_product, create_product
from workflows.selling.quote_decisions import (
    QuoteAccepted,
    QuoteDeclined,
    QuoteLapsed,
    QuoteLinkNotValid,
    QuoteNotSent,
    QuoteSuperseded,
    decide_by_link,
    decide_quote,
)
from workflows.selling.quote_queries import list_quotes, read_quote
from workflows.selling.quotes import add_line, change_quote, create_quote, remove_line, send_quote
from workflows.store import tables as t
from workflows.views.quotes import QuoteView

LAST_DAY = date(2026, 3, 31)
LAPSES = datetime(2026, 4, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
VAT = [
    {"name": "VAT 19", "percent": "19", "category": "S", "reason": ""},
    {"name": "VAT 7", "percent": "7", "category": "S", "reason": ""},
]


def hours(sample: SampleDesk, minor: int = 100_000, minutes: int = 600, **given: Any) -> QuoteLineGiven:
    """A line with a block of hours for Ann."""
    contract = NewContract(
        type="support_hours", holder=HolderGiven(customer=sample.ann), minutes=minutes, **given
    )
    return QuoteLineGiven(contract=contract, unit_price=MoneyGiven(amount_minor=minor))


def item(minor: int, **given: Any) -> QuoteLineGiven:
    values = {"description": "Something", **given}
    return QuoteLineGiven(unit_price=MoneyGiven(amount_minor=minor), **values)


def draft(sample: SampleDesk, *lines: QuoteLineGiven, **given: Any) -> str:
    party = {"customer": sample.ann} if "org_unit" not in given else {}
    command = NewQuote(subject="Support", last_on=LAST_DAY, lines=list(lines), **{**party, **given})
    return sample.do_as(sample.supervisor, create_quote, command)


def sent(sample: SampleDesk, *lines: QuoteLineGiven) -> str:
    made = draft(sample, *(lines or (hours(sample),)))
    return sample.do_as(sample.supervisor, send_quote, made)


def view(sample: SampleDesk, quote_id: str) -> QuoteView:
    return sample.see(read_quote, quote_id)


def ann(sample: SampleDesk) -> Actor:
    return sample.person("customer", "Ann", customer=sample.ann)


def accept(sample: SampleDesk, actor: Actor, quote_id: str, **given: Any) -> str:
    return sample.do_as(actor, decide_quote, quote_id, DecideQuote(**given), "accepted", "192.0.2.7")


def decline(sample: SampleDesk, actor: Actor, quote_id: str, **given: Any) -> str:
    return sample.do_as(actor, decide_quote, quote_id, DecideQuote(**given), "declined", "192.0.2.7")


# ------------------------------------------------------------------ drafts and totals


def test_a_quote_totals_as_an_invoice_does(sample: SampleDesk) -> None:
    sample.set(tax_rates=VAT)
    made = draft(
        sample,
        item(3333, quantity="3", discount_percent="10"),  # 89.991 are 89.99
        item(6667, tax_rate="VAT 7"),
        item(5, quantity="0.5"),  # 2.5 are 3
    )
    [version] = view(sample, made).versions
    assert [line.net.amount_minor for line in version.lines] == [8999, 6667, 3]
    taxes = [(one.percent, one.base.amount_minor, one.tax.amount_minor) for one in version.taxes]
    assert taxes == [("7", 6667, 467), ("19", 9002, 1710)]
    assert (version.net.amount_minor, version.tax.amount_minor) == (15669, 2177)
    assert version.total.amount_minor == 17846


def test_lines_take_prices_of_the_list(sample: SampleDesk) -> None:
    for code, kind, minor in (("KM", "travel", 50), ("SUP", "contract_type", 90_000)):
        of_type = "support_hours" if kind == "contract_type" else None
        product = NewProduct(code=code, label=code.title(), kind=kind, contract_type=of_type, unit="km")  # type: ignore[arg-type]
        price = NewPrice(price=MoneyGiven(amount_minor=minor), first_on=date(2026, 1, 1))
        sample.do(add_price, sample.do(create_product, product), price)
    rows = {row.code: row.id for row in sample.rows(t.product)}
    block = NewContract(type="support_hours", holder=HolderGiven(customer=sample.ann), minutes=60)
    made = draft(sample, QuoteLineGiven(product=rows["KM"], quantity="120"), QuoteLineGiven(contract=block))
    [version] = view(sample, made).versions
    said = [(one.description, one.unit, one.net.amount_minor) for one in version.lines]
    assert said == [("Km", "km", 6_000), ("Support hours, 1:00 h for Ann", "contract", 90_000)]
    sample.set(tax_rates=VAT)
    for code, rate in (("KM", "VAT 7"), ("SUP", "VAT 7")):
        sample.do(change_product, rows[code], ChangeProduct(tax_rate=rate))
    lines = [QuoteLineGiven(product=rows["KM"]), QuoteLineGiven(contract=block), item(1)]
    lines.append(QuoteLineGiven(product=rows["KM"], tax_rate="VAT 19"))
    [version] = view(sample, draft(sample, *lines)).versions
    assert [one.tax_percent for one in version.lines] == ["7", "7", "19", "19"]
    with pytest.raises(InvalidInput, match="SUP is a contract"):
        draft(sample, QuoteLineGiven(product=rows["SUP"]))


@pytest.mark.parametrize(
    ("given", "pointer", "says"),
    [
        (
            {"type": "subscription", "minutes": None, "ends_on": "2026-01-01"},
            "/lines/0/contract/ends_on",
            "would end before it starts",
        ),
        ({"type": "nothing"}, "/lines/0/contract/type", "There is no contract type 'nothing'"),
        ({"holder": {"customer": "nobody"}}, "/lines/0/contract/holder/customer", "no customer"),
        ({"price": {"amount_minor": 1}}, "/lines/0/contract/price", "do not say this"),
        ({"enable": True}, "/lines/0/contract/enable", "do not say this"),
    ],
)
def test_a_contract_that_could_not_be_sold_is_refused(
    sample: SampleDesk, given: dict[str, Any], pointer: str, says: str
) -> None:
    terms = {"type": "support_hours", "holder": {"customer": sample.ann}, "minutes": 60, **given}
    contract = NewContract.model_validate({name: value for name, value in terms.items() if value is not None})
    line = QuoteLineGiven(contract=contract, unit_price=MoneyGiven(amount_minor=100))
    with pytest.raises(InvalidInput, match=says) as refused:
        draft(sample, line)
    assert refused.value.values["pointer"] == pointer
    assert sample.rows(t.quote) == sample.rows(t.contract) == sample.rows(t.ledger_transaction) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"last_on": date(2026, 3, 1)}, "2026-03-01 is over"),
        ({"customer": "nobody"}, "There is no customer with this id"),
        ({"org_unit": "nobody"}, "There is no org unit with this id"),
        ({"customer": None}, "for a customer or an org unit"),
        ({"lines": [item(1, tax_rate="Other")]}, "There is no tax rate 'Other'"),
        ({"lines": [item(1, discount_percent="101")]}, "at most 100 percent"),
        ({"lines": [item(10**12, quantity="2")]}, "amounts to too much"),
        ({"lines": [item(10**12), item(1)]}, "amounts to too much"),
    ],
)
def test_bad_quotes_are_refused(sample: SampleDesk, given: dict[str, Any], says: str) -> None:
    values = {"customer": sample.ann, "subject": "Support", "last_on": LAST_DAY, **given}
    if "org_unit" in given:
        del values["customer"]
    with pytest.raises(InvalidInput, match=says):
        sample.do(create_quote, NewQuote(**values))
    assert sample.rows(t.quote) == []


def test_a_draft_changes_and_a_sent_version_never(sample: SampleDesk) -> None:
    made = draft(sample, item(100))
    sample.do(change_quote, made, ChangeQuote(subject="Other", lines=[item(200), item(300)]))
    sample.do(remove_line, made, 0)
    sample.do(add_line, made, item(1))
    [version] = view(sample, made).versions
    assert (version.subject, version.total.amount_minor) == ("Other", 301)
    sample.do(send_quote, made)
    sample.do(change_quote, made, ChangeQuote(last_on=date(2026, 4, 30)))
    latest, first = view(sample, made).versions
    assert (first.number, first.state, first.last_on) == (1, "sent", LAST_DAY)
    assert (latest.number, latest.state, latest.total.amount_minor) == (2, "draft", 301)
    sample.do(send_quote, made)
    assert [one.state for one in view(sample, made).versions] == ["sent", "superseded"]
    with pytest.raises(VersionChanged):
        sample.do(change_quote, made, ChangeQuote(subject="X"), expected_version=1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE quote_version SET subject = 'X'",
        "UPDATE quote_version SET last_on = '2030-01-01'",
        "UPDATE quote_version SET total_minor = total_minor + 1, net_minor = net_minor + 1",
        "DELETE FROM quote_version",
        "UPDATE quote_line SET unit_price_minor = 1",
        "DELETE FROM quote_line",
    ],
)
def test_the_database_protects_what_was_sent(sample: SampleDesk, statement: str) -> None:
    sent(sample, item(100))
    with pytest.raises(DBAPIError, match="a quote that was sent never changes"), sample.desk.write() as tx:
        tx.connection.execute(text(statement))


# ------------------------------------------------------------------ deciding


def test_an_acceptance_makes_the_contract_and_opens_what_waits(sample: SampleDesk) -> None:
    request = sample.log("Waits for a contract")
    assert sample.request(request).state == "pending_no_contract"
    made = sent(sample, hours(sample), item(5_000))
    customer = ann(sample)
    accept(sample, customer, made, comment="As discussed")
    quote = view(sample, made)
    assert (quote.state, quote.allowed_actions) == ("accepted", [])
    line = quote.versions[0].lines[0]
    contract = sample.contract(str(line.contract))
    assert (contract.price_minor, contract.price_source) == (100_000, "quote")
    assert sample.request(request).contract_id == contract.id
    assert sample.request(request).state == "open"
    [row] = sample.rows(t.quote_decision)
    assert (row.way, row.name, row.user_id, row.address) == ("portal", "Ann", customer.id, "192.0.2.7")
    assert row.statement == "I accept the quote QU-0001, version 1, of EUR 1,050.00 in total."
    assert (row.decided_at, row.comment) == (sample.clock.now(), "As discussed")


def test_accepting_twice_is_one_contract(sample: SampleDesk) -> None:
    made, customer = sent(sample), ann(sample)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: accept(sample, customer, made), range(4)))
    accept(sample, sample.supervisor, made)
    assert len(sample.rows(t.contract)) == len(sample.rows(t.quote_decision)) == 1
    with pytest.raises(QuoteAccepted, match=r"QU-0001 cannot be declined: it was accepted"):
        decline(sample, customer, made)
    for use_case in (send_quote, lambda tx, quote: change_quote(tx, quote, ChangeQuote(subject="X"))):
        with pytest.raises(StateForbids, match="it is accepted"):
            sample.do(use_case, made)


def test_what_is_over_is_not_accepted(sample: SampleDesk) -> None:
    customer = ann(sample)
    declined = sent(sample)
    decline(sample, customer, declined, comment="Too much")
    with pytest.raises(QuoteDeclined, match="it was declined"):
        accept(sample, customer, declined)
    superseded = sent(sample)
    sample.do(change_quote, superseded, ChangeQuote(subject="Better"))
    with pytest.raises(QuoteNotSent):
        accept(sample, sample.supervisor, superseded, version=2)
    with pytest.raises(NotFound):
        accept(sample, customer, superseded, version=2)
    sample.do(send_quote, superseded)
    with pytest.raises(QuoteSuperseded, match="a later version was sent"):
        accept(sample, customer, superseded, version=1)
    assert sample.rows(t.contract) == []
    accept(sample, customer, superseded)
    assert view(sample, superseded).versions[0].state == "accepted"


def test_what_was_recorded_under_the_lock_counts(sample: SampleDesk) -> None:
    """Two calls at once: the one that began first gets the lock last."""
    customer, declined, superseded = ann(sample), sent(sample), sent(sample)
    began_at = sample.clock.now() + timedelta(minutes=1)

    def late(tx: Transaction, quote_id: str) -> str:
        return decide_quote(tx, quote_id, DecideQuote(version=1), "accepted", "")

    sample.clock.move(minutes=2)
    decline(sample, customer, declined)
    sample.do(change_quote, superseded, ChangeQuote(subject="Better"))
    sample.do(send_quote, superseded)
    refusals: tuple[tuple[str, type[StateForbids]], ...] = (
        (declined, QuoteDeclined),
        (superseded, QuoteSuperseded),
    )
    for made, refusal in refusals:
        with pytest.raises(refusal):
            sample.desk.perform(customer, partial(late, quote_id=made), at=began_at)
    assert sample.rows(t.contract) == []


def test_the_version_before_a_draft_can_still_be_accepted(sample: SampleDesk) -> None:
    made = sent(sample)
    sample.do(change_quote, made, ChangeQuote(subject="Better"))
    accept(sample, ann(sample), made)
    assert [one.state for one in view(sample, made).versions] == ["draft", "accepted"]
    with pytest.raises(StateForbids, match="it is accepted"):
        sample.do(send_quote, made)


def test_a_quote_lapses_at_its_instant_whether_or_not_the_job_ran(sample: SampleDesk) -> None:
    listen(sample, "quote.sent", "quote.accepted", "quote.lapsed")
    made, in_time, customer = sent(sample), sent(sample), ann(sample)
    sample.clock.at = LAPSES - MOMENT
    accept(sample, customer, in_time)
    sample.clock.at = LAPSES
    assert view(sample, made).state == "lapsed"
    assert [one.id for one in sample.see(list_quotes, state="lapsed").items] == [made]
    with pytest.raises(QuoteLapsed, match="its last day is over"):
        accept(sample, customer, made)
    sample.clock.at = LAPSES + timedelta(days=7)
    assert run_job(sample.desk, "lapse_quotes") == 1
    assert run_job(sample.desk, "lapse_quotes") == 0
    [event] = sample.rows(t.audit_event, subject_kind="quote", action="lapsed")
    assert (event.subject_id, event.at) == (made, LAPSES)
    [mail] = sample.rows(t.outbox, event="quote_lapsed")
    assert mail.recipient == sample.rows(t.user_account, id=sample.supervisor.id)[0].email
    types = [(one["type"], one["data"]["quote"]) for one in heard(sample)]
    assert types == [
        ("quote.sent", made),
        ("quote.sent", in_time),
        ("quote.accepted", in_time),
        ("quote.lapsed", made),
    ]
    sample.do(change_quote, made, ChangeQuote(last_on=date(2026, 4, 30)))
    sample.do(send_quote, made)
    accept(sample, customer, made)
    assert [one.state for one in view(sample, made).versions] == ["accepted", "lapsed"]


def test_states_in_sql_are_those_of_the_engine(sample: SampleDesk) -> None:
    customer = ann(sample)
    quotes = {"draft": draft(sample, item(1)), "sent": sent(sample, item(1))}
    quotes["accepted"], quotes["declined"] = sent(sample, item(1)), sent(sample, item(1))
    accept(sample, customer, quotes["accepted"])
    decline(sample, customer, quotes["declined"])
    for state, quote_id in quotes.items():
        assert [one.id for one in sample.see(list_quotes, state=state).items] == [quote_id]
        assert view(sample, quote_id).state == state


def test_only_its_customer_sees_a_quote_once_it_is_sent(sample: SampleDesk) -> None:
    customer = ann(sample)
    bob = sample.person("customer", "Bob", customer=sample.customer("Bob"))
    unsent, made = draft(sample, item(1)), sent(sample)
    sample.do(change_quote, made, ChangeQuote(subject="Better"))
    assert [one.number for one in sample.see_as(customer, list_quotes).items] == ["QU-0002"]
    seen = sample.see_as(customer, read_quote, made)
    assert [one.number for one in seen.versions] == [1]
    assert (seen.created_by, seen.versions[0].sent_to) == ("", None)
    assert sample.see_as(bob, list_quotes).items == []
    for actor, quote_id in ((bob, made), (customer, unsent), (bob, "nothing")):
        with pytest.raises(NotFound, match=r"There is no such quote\."):
            sample.see_as(actor, read_quote, quote_id)
        with pytest.raises(NotFound, match=r"There is no such quote\."):
            accept(sample, actor, quote_id)
    for use_case in (list_quotes, lambda tx: decide_quote(tx, made, DecideQuote(), "accepted", "")):
        with pytest.raises(NotAllowed):
            sample.do_as(sample.technician, use_case)
    with pytest.raises(NotAllowed):
        sample.do_as(customer, send_quote, made)


def test_staff_record_what_a_customer_said(sample: SampleDesk) -> None:
    made = sent(sample)
    accept(sample, sample.finance, made, name="Ann by phone")
    [row] = sample.rows(t.quote_decision)
    assert (row.way, row.name, row.recorded_by) == ("staff", "Ann by phone", "the finance")


def test_what_cannot_be_sent(sample: SampleDesk) -> None:
    with pytest.raises(InvalidInput, match="has no line"):
        sample.do(send_quote, draft(sample))
    of_unit = draft(sample, item(1), org_unit=sample.site)
    with pytest.raises(InvalidInput, match="for an org unit"):
        sample.do(send_quote, of_unit)
    sample.do(send_quote, of_unit, SendQuote(recipient="it@acme.example"))
    late = draft(sample, item(1))
    sample.clock.at = LAPSES
    with pytest.raises(InvalidInput, match="2026-03-31 is over"):
        sample.do(send_quote, late)


# ------------------------------------------------------------------ the link in the mail


def link_of(sample: SampleDesk, quote_id: str) -> str:
    """The secret of the latest mail's link, as it is made when the mail is sent."""
    mails = [row for row in sample.rows(t.outbox, event="quote_sent") if row.subject_id == quote_id]
    latest = max(mails, key=lambda row: row.id)
    assert "[link: only in the mail that is sent]" in latest.body
    return sample.do(make_quote_secret, latest.payload["link"])


def by_link(sample: SampleDesk, secret: str, decision: Any = "accepted") -> str:
    return sample.do_as(NOBODY, decide_by_link, secret, "Ann Example", "Fine", decision, "198.51.100.1")


def test_the_link_accepts_once(sample: SampleDesk) -> None:
    made = sent(sample)
    secret = link_of(sample, made)
    by_link(sample, secret)
    by_link(sample, secret)
    [row] = sample.rows(t.quote_decision)
    assert (row.way, row.name, row.user_id) == ("link", "Ann Example", None)
    assert (row.recipient, row.address) == ("ann@example.com", "198.51.100.1")
    assert len(sample.rows(t.contract)) == 1
    assert sample.rows(t.quote_link)[0].used_at == sample.clock.now()
    with pytest.raises(QuoteAccepted):
        by_link(sample, secret, "declined")
    [mail] = sample.rows(t.outbox, event="quote_accepted")
    assert mail.recipient == sample.rows(t.user_account, id=sample.supervisor.id)[0].email


def test_the_link_of_an_earlier_version_says_so(sample: SampleDesk) -> None:
    made = sent(sample)
    secret = link_of(sample, made)
    sample.do(change_quote, made, ChangeQuote(subject="Better"))
    sample.do(send_quote, made)
    with pytest.raises(QuoteSuperseded):
        by_link(sample, secret)
    with pytest.raises(QuoteLinkNotValid):
        by_link(sample, "nothing")
    sample.clock.at = LAPSES
    with pytest.raises(QuoteLapsed):
        by_link(sample, link_of(sample, made))
    sample.clock.at = LAPSES + timedelta(days=90)
    with pytest.raises(QuoteLinkNotValid):
        by_link(sample, secret)


def test_sending_again_makes_another_link(sample: SampleDesk) -> None:
    made = sent(sample)
    first = link_of(sample, made)
    sample.do(send_quote, made)
    second = link_of(sample, made)
    assert first != second
    by_link(sample, first)
    by_link(sample, second)
    assert len(sample.rows(t.quote_decision)) == len(sample.rows(t.contract)) == 1
    assert view(sample, made).versions[0].number == 1


# ------------------------------------------------------------------ the draft of the invoice


def test_an_acceptance_drafts_the_invoice_with_the_same_total(sample: SampleDesk) -> None:
    sample.set(invoices=True, tax_rates=VAT)
    line = QuoteLineGiven(
        contract=hours(sample).contract, unit_price=MoneyGiven(amount_minor=100_000), discount_percent="12.5"
    )
    made = sent(sample, line, item(3333, quantity="3", tax_rate="VAT 7"))
    accept(sample, ann(sample), made)
    quote = view(sample, made)
    [invoice] = sample.rows(t.invoice)
    assert quote.invoice == invoice.id
    assert (invoice.state, invoice.customer_id) == ("draft", sample.ann)
    assert invoice.total_minor == quote.versions[0].total.amount_minor == 114_824
    [sold] = sample.rows(t.sold_item)
    assert (sold.amount_minor, sold.invoice_id) == (87_500, invoice.id)
    assert sample.see_as(ann(sample), read_quote, made).invoice is None


def test_who_the_quote_is_for_pays(sample: SampleDesk) -> None:
    sample.set(invoices=True)
    contract = NewContract(type="subscription", holder=HolderGiven(org_unit=sample.site))
    made = sent(sample, QuoteLineGiven(contract=contract, unit_price=MoneyGiven(amount_minor=500)))
    accept(sample, ann(sample), made)
    [sold], [invoice] = sample.rows(t.sold_item), sample.rows(t.invoice)
    assert (sold.customer_id, sold.org_unit_id, sold.invoice_id) == (sample.ann, None, invoice.id)
    free = sent(sample, QuoteLineGiven(contract=contract, unit_price=MoneyGiven(amount_minor=0)))
    accept(sample, ann(sample), free)
    assert len(sample.rows(t.invoice)) == 1
    assert view(sample, free).invoice is None
