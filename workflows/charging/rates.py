"""Work that is paid in money needs a price: what has none is refused. Source: product.md section 7."""

from collections.abc import Sequence

from sqlalchemy import select

from engine.charging import Segment
from engine.periods import zone_named
from workflows.charging.terms import ChargingTerms
from workflows.core.errors import Conflict
from workflows.core.transaction import Transaction
from workflows.languages.formats import instant_text
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.amendments import contract_as_of
from workflows.lifecycle.contracts.payers import is_excluded
from workflows.store import tables as t


def lacks_rates(terms: ChargingTerms, segments: Sequence[Segment]) -> bool:
    """Whether a contract that pays in money pays nothing for a part of an entry, which has no rate."""
    return terms.in_money and terms.draws and any(map(_lacks_rate, segments))


def require_rates(
    tx: Transaction, terms: ChargingTerms, segments: Sequence[Segment], work_type: str | None
) -> None:
    """Check that a contract that pays in money has a rate for each segment that it pays for.

    Raises: Conflict, with the time and what decides on the rate.
    """
    if not terms.in_money or not terms.draws:
        return
    lacking = next((one for one in segments if _lacks_rate(one)), None)
    if lacking is None or terms.contract is None:
        return
    row = tx.connection.execute(select(t.contract).where(t.contract.c.id == terms.contract)).one()
    if is_excluded(contract_as_of(tx, row, lacking.start), terms.role, work_type):
        return
    raise Conflict(_what(row.number, lacking, terms, work_type), remedy=_remedy(terms))


def _lacks_rate(segment: Segment) -> bool:
    return segment.chargeable_minutes > 0 and segment.excluded is None and segment.rate_minor is None


def _what(number: str, segment: Segment, terms: ChargingTerms, work_type: str | None) -> str:
    facts = [
        gettext("role %(role)s", role=terms.role),
        gettext("priority %(priority)s", priority=terms.priority),
    ]
    if work_type is not None:
        facts.append(gettext("work type %(work_type)s", work_type=work_type))
    return gettext(
        "%(number)s pays for work in money, and the rate card “%(card)s” has no rate in %(currency)s for the "
        "work from %(instant)s (%(facts)s).",
        number=number,
        card=terms.rate_card,
        currency=terms.currency,
        instant=instant_text(segment.start, zone_named(terms.time_zone)),
        facts=", ".join(facts),
    )


def _remedy(terms: ChargingTerms) -> str:
    return gettext(
        "Ask an administrator to add a rule to rules/rate_cards/%(card)s.json, or assign another contract "
        "to the "
        "service request.",
        card=terms.rate_card,
    )
