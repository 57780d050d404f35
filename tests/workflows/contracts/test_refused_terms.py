"""Terms that a contract type does not have are refused in whole sentences, for every type and term."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from engine.errors import DeskError
from tests.support.builders import RULES
from tests.support.rate_cards import rate_card
from tests.support.sample_desk import SampleDesk
from tests.support.sentences import faults_of
from workflows.commands.contracts import Adjust, GrantGiven, Renew
from workflows.commands.fields import MoneyGranted
from workflows.contracts.use_cases import adjust, renew

TYPES = sorted(path.stem for path in (RULES / "contract_types").glob("*.json"))
DAY = "2026-12-31"
TERMS: tuple[dict[str, Any], ...] = (
    {"ends_on": DAY},
    {"ends_on": "2020-01-01"},
    {"minutes": 1},
    {"incidents": 1},
    {"money": MoneyGranted(amount_minor=1)},
    {"grants": []},
    {"grants": [GrantGiven(minutes=1)]},
    {"grants": [GrantGiven(incidents=1)]},
    {"grants": [GrantGiven(money=MoneyGranted(amount_minor=1))]},
    {"grants": [GrantGiven(minutes=1)], "minutes": 1},
    {"grants": [GrantGiven(incidents=1)], "incidents": 1},
    {"time_expired": "bill"},
    {"sla": "platinum"},
)


@pytest.fixture
def database_url(sqlite_database_url: str) -> str:
    """Only on SQLite: nothing here depends on the database."""
    return sqlite_database_url


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """A desk with rates and with types that have no default amounts, so that an amount can be missing."""
    texts = {path.stem: path.read_text() for path in (RULES / "contract_types").glob("*.json")}
    amounts = (('"minutes": 600', '"minutes": null'), ('"minutes": 300', '"minutes": null'))
    for old, new in (*amounts, ('"incidents": 5', '"incidents": null'), ('"money": 100000', '"money": null')):
        texts = {name: text.replace(old, new, 1) for name, text in texts.items()}
    types = {f"contract_types__{name}": text for name, text in texts.items()}
    sample.publish_rules(rate_cards__standard=rate_card(6_000), **types)
    return sample


def refusals(sample: SampleDesk) -> dict[tuple[str, str], str]:
    """The messages of all refused combinations of a type, a holder and a term."""
    holders = {
        "customer": sample.ann,
        "item": sample.laptop,
        "org_unit": sample.site,
        "service_request": sample.log(),
    }
    found = {}
    for type_key in TYPES:
        for kind, holder in holders.items():
            for terms in ({}, *TERMS):
                try:
                    sample.sell(type_key, to=(kind, holder), **terms)
                except DeskError as error:
                    found[type_key, f"{kind} {terms}"] = str(error)
    return found


def test_every_refusal_is_whole_sentences(sample: SampleDesk) -> None:
    found = refusals(sample)
    assert {type_key for type_key, _ in found} == set(TYPES)
    texts = set(found.values())
    assert len(texts) > 30
    # after "Use" come the names of fields, as they are written in a command
    wrong = {text: faults_of(text.split(" Use ")[0]) for text in texts}
    assert not {text: faults for text, faults in wrong.items() if faults}
    for expected in (
        "Contracts of the type “Incident pack” have no minutes. Leave it out.",
        "Contracts of the type “Incident pack” need incidents. Give incidents or grants.",
        "Contracts of the type “Support hours by month” need the minutes of each month. Give minutes.",
        "Contracts of the type “Per request” cannot be held by an org unit. Use service_request.",
    ):
        assert expected in texts


def test_amounts_of_one_are_in_the_singular(sample: SampleDesk) -> None:
    pack = sample.sell("incident_pack", incidents=1)
    with pytest.raises(DeskError) as too_much:
        sample.do(adjust, pack, Adjust(incidents=-2, reason="x"))
    assert str(too_much.value) == "Only 1 incident can be withdrawn. Withdraw less."
    late = GrantGiven(minutes=1, effective_at=datetime(2026, 12, 1, tzinfo=UTC))
    hours = sample.sell("support_hours", ends_on=DAY, grants=[late])
    with pytest.raises(DeskError) as too_short:
        sample.do(renew, hours, Renew(ends_on=date(2027, 1, 31)))
    assert str(too_short.value).startswith("A grant of 1 minute would begin after that day.")
    assert not faults_of(str(too_short.value))
