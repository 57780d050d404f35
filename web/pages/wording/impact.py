"""The effect of a change as text, for example "2 service requests lose their coverage"."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from engine.contracts import Unit
from web.languages import ngettext
from web.pages.context import now, zone
from web.pages.wording.adjustments import adjustment_text
from web.pages.wording.draw_down import allocation_text
from web.pages.wording.formats import (
    amount_text,
    counted_text,
    duration_words,
    incidents_text,
    instant_text,
    money_text,
    number_text,
    period_text,
    until_text,
)
from web.pages.wording.labels import CONTRACT_STATES, TIME_EXPIRED, label_of, readable
from workflows.views import MoneyView
from workflows.views.contracts import PriceOriginView, UnitBalance
from workflows.views.effects import (
    ContractEffect,
    ContractSnapshot,
    CreditNoteEffect,
    Effects,
    RequestEffect,
    RequestSnapshot,
)
from workflows.views.service_requests import MovedWorkView

MAX_NAMED = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence and the requests or details that it lists; `more` is the number of those not listed."""

    text: str
    requests: list[RequestSnapshot] = field(default_factory=list)
    more: int = 0
    details: list[str] = field(default_factory=list)


def effect_lines(effects: Effects, own_contract: str | None = None) -> list[Line]:
    """The effects on `own_contract` first, then on new contracts, service requests and other contracts."""
    mine = [one for one in effects.contracts if one.after.id == own_contract]
    new = [one for one in effects.contracts if one.before is None]
    others = [one for one in effects.contracts if one not in mine and one not in new]
    lines = []
    if effects.effective_at is not None:
        at = instant_text(effects.effective_at, zone())
        lines.append(Line(f"This takes effect on {at}; by what is known now:"))
    when = " now" if effects.effective_at is None else ""
    lines += [Line(text) for one in mine for text in _own_contract(one, when)]
    lines += [Line(text) for one in new for text in _new_contract(one)]
    lines += _request_lines(effects.requests)
    if not effects.requests:
        lines.append(Line("No service requests are affected."))
    lines += [Line(text) for one in others for text in _other_contract(one)]
    lines += [Line(_credit_note_text(one)) for one in effects.credit_notes]
    lines += [Line(adjustment_text(one)) for one in effects.adjustments]
    lines += _moves(effects.moves)
    if effects.mails:
        lines.append(Line(_mails_text(effects.mails)))
    return lines


def _mails_text(number: int) -> str:
    return ngettext(
        "%(num)s email will be sent.", "%(num)s emails will be sent.", number, num=number_text(number)
    )


def _credit_note_text(effect: CreditNoteEffect) -> str:
    """What a credit note takes back, with its tax, and what becomes of what was paid."""
    paid = ""
    if effect.to_credit.amount_minor:
        paid = f" {_money(effect.to_credit)} of it was paid and becomes credit of the customer."
    return (
        f"A credit note of {_money(effect.total)} ({_money(effect.net)} without tax) is issued for "
        f"{effect.invoice_number}.{paid}"
    )


# ------------------------------------------------------------------ contracts


def _own_contract(effect: ContractEffect, when: str) -> list[str]:
    before, after = effect.before, effect.after
    sentences = []
    if before is None or before.state != after.state:
        sentences.append(_state_text(after, when))
    if before is not None:
        sentences += _changed_terms(before, after)
    moved = _moved(effect)
    if moved.purchased > 0:
        sentences.append(f"{_amount(after, moved.purchased)} added; {_left(after)}.")
    if moved.purchased < 0:
        sentences.append(f"{_amount(after, -moved.purchased)} withdrawn; {_left(after)}.")
    if moved.drawn > 0:
        sentences.append(_carried_text(after, moved.drawn))
    if moved.held > 0:
        sentences.append(_held_text(after, moved.held))
    if moved.expired > 0:
        held = f", including {-moved.held} currently held" if moved.held < 0 else ""
        amount = _amount(after, moved.expired)
        sentences.append(f"The remaining {amount} {_expires(after, moved.expired)} unused{held}.")
    return sentences


def _state_text(contract: ContractSnapshot, when: str) -> str:
    if contract.state == "active":
        until = until_text(contract.expires_at, ZoneInfo(contract.time_zone), now())
        return f"{contract.number} becomes active{when} ({until})."
    if contract.state == "cancelled":
        return f"{contract.number} ends{when}."
    return f"{contract.number} will be {_plain_state(contract)}."


def _changed_terms(before: ContractSnapshot, after: ContractSnapshot) -> list[str]:
    """The terms that change, each with its old and new value."""
    area = ZoneInfo(after.time_zone)

    def period(one: ContractSnapshot) -> str:
        return period_text(one.starts_at, one.expires_at, area)

    texts: list[tuple[str, Callable[[ContractSnapshot], str]]] = [
        ("Holder", lambda one: one.holder_name),
        ("Period", period),
        ("Price", lambda one: _money(one.price)),
        ("Overage rate", lambda one: _money(one.overage_rate)),
        ("Service level", lambda one: readable(one.sla).capitalize() or "none"),
        ("After the end", lambda one: TIME_EXPIRED.get(one.time_expired or "", "as in the settings")),
        ("Excluded", _exclusions),
    ]
    return [
        f"{label}: {text(before)} → {text(after)}." for label, text in texts if text(before) != text(after)
    ]


def _money(money: MoneyView | None) -> str:
    return money_text(money.amount_minor, money.currency) if money is not None else "none"


def _exclusions(contract: ContractSnapshot) -> str:
    kinds = [
        f"{readable(kind)} {', '.join(map(readable, values))}"
        for kind, values in sorted(contract.exclusions.items())
        if values
    ]
    return "; ".join(kinds) or "nothing"


def _new_contract(effect: ContractEffect) -> list[str]:
    after = effect.after
    sold = f", with {_amount(after, after.balance.purchased)}" if after.balance.purchased else ""
    if after.price is not None:
        origin = price_origin_text(after.price_origin)
        sold += f", for {_money(after.price)}" + (f" ({origin})" if origin else "")
    period = period_text(after.starts_at, after.expires_at, ZoneInfo(after.time_zone))
    sentences = [f"{after.number} will be created ({_plain_state(after)}): {period}{sold}."]
    if after.balance.drawn:
        sentences.append(_carried_text(after, after.balance.drawn))
    if after.balance.held:
        sentences.append(_held_text(after, after.balance.held))
    return sentences


def price_origin_text(origin: PriceOriginView | None) -> str:
    """Where the price at a sale came from: "price list SUP-20, €2,000.00 less 10 %"; "" if it was given."""
    if origin is None:
        return ""
    parts = []
    if origin.source == "price_list":
        parts.append(f"price list {origin.product}")
    if origin.source == "contract_type":
        parts.append("default of its type")
    if origin.source == "quote":
        parts.append("as quoted")
    if origin.list_price is not None:
        parts.append(f"{_money(origin.list_price)} less {origin.discount_percent} %")
    return ", ".join(parts)


def _other_contract(effect: ContractEffect) -> list[str]:
    before, after = effect.before, effect.after
    sentences = []
    moved = _moved(effect)
    if after.unit == "minutes" and moved.held < 0:
        sentences += _decided_texts(after, moved)
    elif moved.held < 0 and moved.expired <= 0:
        returned = "1 incident returns" if moved.held == -1 else f"{-moved.held} incidents return"
        sentences.append(f"{returned} to {after.number}; {_left(after)}.")
    elif moved.expired > 0:
        expires = _expires(after, moved.expired)
        sentences.append(f"{_amount(after, moved.expired)} of {after.number} {expires} unused.")
    if moved.held > 0:
        sentences.append(_held_text(after, moved.held))
    if before is not None and before.state != after.state:
        sentences.append(f"{after.number} will be {_plain_state(after)}.")
    return sentences


def _decided_texts(contract: ContractSnapshot, moved: UnitBalance) -> list[str]:
    """What becomes of minutes that were held for work: drawn, expired, or available again."""
    settled = min(-moved.held, max(moved.drawn, 0))
    expired = min(-moved.held - settled, max(moved.expired, 0))
    returned = -moved.held - settled - expired
    texts = []
    if settled:
        texts.append(
            f"{_amount(contract, settled)} held in {contract.number} will be drawn; {_left(contract)}."
        )
    if expired:
        texts.append(f"{_amount(contract, expired)} of {contract.number} will expire unused.")
    if returned:
        texts.append(f"{_amount(contract, returned)} will return to {contract.number}; {_left(contract)}.")
    return texts


def _held_text(contract: ContractSnapshot, amount: int) -> str:
    held = incidents_text(amount) if contract.unit == "incidents" else _amount(contract, amount)
    return f"{held} of {contract.number} will be held; {_left(contract)}."


def _plain_state(contract: ContractSnapshot) -> str:
    return label_of(CONTRACT_STATES, contract.state).text.lower()


def _moved(effect: ContractEffect) -> UnitBalance:
    before = effect.before.balance if effect.before else UnitBalance()
    after = effect.after.balance
    return UnitBalance(
        purchased=after.purchased - before.purchased,
        drawn=after.drawn - before.drawn,
        held=after.held - before.held,
        available=after.available - before.available,
        expired=after.expired - before.expired,
    )


def _amount(contract: ContractSnapshot, amount: int) -> str:
    if contract.unit == "money":
        return money_text(amount, contract.currency)
    return incidents_text(amount) if contract.unit == "incidents" else duration_words(amount)


def _expires(contract: ContractSnapshot, amount: int) -> str:
    return "expires" if _is_one(contract, amount) else "expire"


def _is_one(contract: ContractSnapshot, amount: int) -> bool:
    """Whether an amount is in the singular: "1 incident", "1 hour", "€40.00"."""
    return contract.unit == "money" or amount == 1 or (contract.unit != "incidents" and amount == 60)


def _carried_text(contract: ContractSnapshot, minutes: int) -> str:
    verb = "is" if _is_one(contract, minutes) else "are"
    return f"{_amount(contract, minutes)} of carried time {verb} drawn from it immediately."


def _left(contract: ContractSnapshot) -> str:
    units: dict[str, Unit] = {"incidents": "incidents", "money": "money"}
    unit = units.get(contract.unit or "", "minutes")
    return f"{amount_text(contract.balance.available, unit, contract.currency)} will be left"


# ------------------------------------------------------------------ work


def _moves(moves: list[MovedWorkView]) -> list[Line]:
    """The work entries that are drawn from elsewhere, each before and after."""
    if not moves:
        return []
    moving = [one for one in moves if one.moved_from]
    others = [one for one in moves if not one.moved_from]
    return _entry_lines(moving, "to the other request") + _entry_lines(others, "")


def _entry_lines(moves: list[MovedWorkView], where: str) -> list[Line]:
    """The entries that move there, or that are drawn from elsewhere; nothing if there are none."""
    if not moves:
        return []
    one_entry = len(moves) == 1
    count = "1 work entry" if one_entry else f"{counted_text(len(moves))} work entries"
    does = (
        f"{'moves' if one_entry else 'move'} {where}"
        if where
        else f"{'is' if one_entry else 'are'} drawn from elsewhere"
    )
    details = [_entry_text(one) for one in moves[:MAX_NAMED]]
    return [Line(f"{count} {does}:", details=details, more=max(0, len(moves) - MAX_NAMED))]


def _entry_text(one: MovedWorkView) -> str:
    number = (
        f"{one.moved_from} → {one.service_request_number}" if one.moved_from else one.service_request_number
    )
    before, after = allocation_text(one.before), allocation_text(one.after)
    paid = f"{before} → {after}" if before != after else f"{after}, as before"
    return f"{number}, {instant_text(one.started_at, zone())}: {paid}"


# ------------------------------------------------------------------ service requests


def _request_lines(requests: Iterable[RequestEffect]) -> list[Line]:
    """One sentence for all requests with the same outcome."""
    alike: dict[tuple[str, str], list[RequestSnapshot]] = {}
    for effect in requests:
        alike.setdefault(_outcome(effect), []).append(effect.after)
    return [
        Line(
            f"{_requests_text(len(stands))} {one if len(stands) == 1 else many}",
            stands[:MAX_NAMED],
            max(0, len(stands) - MAX_NAMED),
        )
        for (one, many), stands in alike.items()
    ]


def _requests_text(number: int) -> str:
    return ngettext("%(num)s service request", "%(num)s service requests", number, num=number_text(number))


def _outcome(effect: RequestEffect) -> tuple[str, str]:
    """What happens to a request, in the singular and the plural."""
    before, after = effect.before, effect.after
    if after.state == "cancelled" != before.state:
        return "is cancelled, and leads to the other:", "are cancelled, and lead to the other:"
    if before.state == "cancelled" != after.state:
        by = f"covered by {after.contract_number}" if after.contract else "without a contract"
        return f"is a request of its own again, {by}:", f"are requests of their own again, {by}:"
    if after.contract is None:
        if before.contract is not None:
            return "loses its coverage:", "lose their coverage:"
        return "is searched again and remains uncovered:", "are searched again and remain uncovered:"
    due = ""
    if after.resolution_due_at != before.resolution_due_at and after.resolution_due_at is not None:
        due = f", due {instant_text(after.resolution_due_at, zone())}"
    if before.contract is None:
        opens = " and opens" if before.state == "pending_no_contract" != after.state else ""
        opened = " and open" if opens else ""
        cover = f"covered by {after.contract_number}"
        return f"is {cover}{opens}{due}:", f"are {cover}{opened}{due}:"
    if before.contract == after.contract:
        return f"stays with {after.contract_number}{due}:", f"stay with {after.contract_number}{due}:"
    way = f"from {before.contract_number} to {after.contract_number}{due}"
    return f"moves {way}:", f"move {way}:"
