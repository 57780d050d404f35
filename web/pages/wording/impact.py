"""The effect of a change as text: on contracts, work and money; `request_impact` has service requests."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast
from zoneinfo import ZoneInfo

from engine.contracts import Unit
from web.languages import Texts, gettext, mark, ngettext
from web.pages.context import now, zone
from web.pages.wording.adjustments import adjustment_text
from web.pages.wording.draw_down import allocation_text
from web.pages.wording.formats import (
    amount_text,
    counted_text,
    decimal_text,
    duration_words,
    incidents_text,
    instant_text,
    money_text,
    number_text,
    period_text,
    until_text,
)
from web.pages.wording.labels import CONTRACT_STATES, OVERAGE_POLICIES, TIME_EXPIRED, label_of, readable
from web.pages.wording.limits import limit_text
from web.pages.wording.request_impact import MAX_NAMED, Line, request_lines
from workflows.views import MoneyView
from workflows.views.contracts import NotToExceedView, PriceOriginView, UnitBalance
from workflows.views.effects import (
    AwaitedTopUpEffect,
    ContractEffect,
    ContractSnapshot,
    CreditNoteEffect,
    Effects,
)
from workflows.views.service_requests import MovedWorkView

EXCLUSIONS = Texts(
    {
        "work_types": mark("work types"),
        "roles": mark("roles"),
        "priorities": mark("priorities"),
        "item_types": mark("item types"),
    }
)


def effect_lines(effects: Effects, own_contract: str | None = None) -> list[Line]:
    """The effects on `own_contract` first, then on new contracts, service requests and other contracts."""
    mine = [one for one in effects.contracts if one.after.id == own_contract]
    new = [one for one in effects.contracts if one.before is None]
    others = [one for one in effects.contracts if one not in mine and one not in new]
    lines = []
    if effects.effective_at is not None:
        at = instant_text(effects.effective_at, zone())
        lines.append(Line(gettext("This takes effect on %(at)s; by what is known now:", at=at)))
    at_once = effects.effective_at is None
    lines += [Line(text) for one in mine for text in _own_contract(one, at_once=at_once)]
    lines += [Line(text) for one in new for text in _new_contract(one)]
    lines += request_lines(effects.requests)
    if not effects.requests:
        lines.append(Line(gettext("No service requests are affected.")))
    lines += [Line(text) for one in others for text in _other_contract(one)]
    lines += [Line(_awaited_text(one)) for one in effects.awaited_top_ups]
    lines += [Line(_credit_note_text(one)) for one in effects.credit_notes]
    lines += [Line(adjustment_text(one)) for one in effects.adjustments]
    lines += _moves(effects.moves)
    if effects.mails:
        number = number_text(effects.mails)
        text = ngettext(
            "%(num)s email will be sent.", "%(num)s emails will be sent.", effects.mails, num=number
        )
        lines.append(Line(text))
    return lines


def _awaited_text(effect: AwaitedTopUpEffect) -> str:
    """What is sold now, and when it is added."""
    return gettext(
        "%(number)s: %(quantity)s for %(price)s await payment. "
        "They are added when the invoice is paid and processed.",
        number=effect.contract_number,
        quantity=amount_text(effect.quantity, cast(Unit, effect.unit), effect.price.currency),
        price=_money(effect.price),
    )


def _credit_note_text(effect: CreditNoteEffect) -> str:
    """What a credit note takes back, with its tax, and what becomes of what was paid."""
    text = gettext(
        "A credit note of %(total)s (%(net)s without tax) is issued for %(invoice)s.",
        total=_money(effect.total),
        net=_money(effect.net),
        invoice=effect.invoice_number,
    )
    if effect.to_credit.amount_minor:
        amount = _money(effect.to_credit)
        paid = gettext("%(amount)s of it was paid and becomes credit of the customer.", amount=amount)
        return f"{text} {paid}"
    return text


# ------------------------------------------------------------------ contracts


def _own_contract(effect: ContractEffect, *, at_once: bool) -> list[str]:
    before, after = effect.before, effect.after
    sentences = []
    if before is None or before.state != after.state:
        sentences.append(_state_text(after, at_once=at_once))
    if before is not None:
        sentences += _changed_terms(before, after)
        sentences += _overage_texts(before, after)
    moved, left = _moved(effect), _left(after)
    if moved.purchased > 0:
        amount = _amount(after, moved.purchased)
        sentences.append(gettext("%(amount)s added; %(left)s will be left.", amount=amount, left=left))
    if moved.purchased < 0:
        amount = _amount(after, -moved.purchased)
        sentences.append(gettext("%(amount)s withdrawn; %(left)s will be left.", amount=amount, left=left))
    if moved.drawn > 0:
        sentences.append(_carried_text(after, moved.drawn))
    if moved.held > 0:
        sentences.append(_held_text(after, moved.held))
    if moved.expired > 0:
        sentences.append(_rest_expires_text(after, moved))
    return sentences


def _rest_expires_text(contract: ContractSnapshot, moved: UnitBalance) -> str:
    amount, number = _amount(contract, moved.expired), _grammatical_number(contract, moved.expired)
    if moved.held >= 0:
        return ngettext(
            "The remaining %(amount)s expires unused.",
            "The remaining %(amount)s expire unused.",
            number,
            amount=amount,
        )
    return ngettext(
        "The remaining %(amount)s expires unused, including %(held)s currently held.",
        "The remaining %(amount)s expire unused, including %(held)s currently held.",
        number,
        amount=amount,
        held=-moved.held,
    )


def _state_text(contract: ContractSnapshot, *, at_once: bool) -> str:
    if contract.state == "active":
        until = until_text(contract.expires_at, ZoneInfo(contract.time_zone), now())
        if at_once:
            return gettext("%(number)s becomes active now (%(until)s).", number=contract.number, until=until)
        return gettext("%(number)s becomes active (%(until)s).", number=contract.number, until=until)
    if contract.state == "cancelled":
        if at_once:
            return gettext("%(number)s ends now.", number=contract.number)
        return gettext("%(number)s ends.", number=contract.number)
    return gettext("%(number)s will be %(state)s.", number=contract.number, state=_plain_state(contract))


def _changed_terms(before: ContractSnapshot, after: ContractSnapshot) -> list[str]:
    """The terms that change, each with its old and new value."""
    area = ZoneInfo(after.time_zone)

    def period(one: ContractSnapshot) -> str:
        return period_text(one.starts_at, one.expires_at, area)

    texts: list[tuple[str, Callable[[ContractSnapshot], str]]] = [
        (gettext("Holder"), lambda one: one.holder_name),
        (gettext("Period"), period),
        (gettext("Price"), lambda one: _money(one.price)),
        (gettext("Overage rate"), lambda one: _money(one.overage_rate)),
        (gettext("Service level"), lambda one: readable(one.sla).capitalize() or gettext("none")),
        (
            gettext("After the end"),
            lambda one: TIME_EXPIRED.get(one.time_expired or "") or gettext("as in the settings"),
        ),
        (gettext("Excluded"), lambda one: exclusions_text(one.exclusions)),
        (gettext("Work beyond what it pays"), lambda one: OVERAGE_POLICIES[one.overage]),
        (
            gettext("Not to exceed"),
            lambda one: limit_text(one.not_to_exceed) if one.not_to_exceed else gettext("no limit"),
        ),
    ]
    return [
        gettext("%(term)s: %(before)s → %(after)s.", term=label, before=text(before), after=text(after))
        for label, text in texts
        if text(before) != text(after)
    ]


def _overage_texts(before: ContractSnapshot, after: ContractSnapshot) -> list[str]:
    """What a new limit, or another policy for work beyond the contract, means for work from then on."""
    limit = after.not_to_exceed
    if (before.overage, before.not_to_exceed) == (after.overage, limit):
        return []
    if after.overage == "go_on":
        return [gettext("Work that is logged from then on goes on without asking or notifying the customer.")]
    texts = {
        ("ask", False): gettext(
            "Work that is logged from then on and goes beyond what the contract pays is refused until the "
            "customer approves it; earlier work stays as it is."
        ),
        ("ask", True): gettext(
            "Work that is logged from then on and goes beyond what the contract pays, or past the limit, is "
            "refused until the customer approves it; earlier work stays as it is."
        ),
        ("notify", False): gettext(
            "The customer gets a mail about work that is logged from then on and goes beyond what the "
            "contract pays."
        ),
        ("notify", True): gettext(
            "The customer gets a mail about work that is logged from then on and goes beyond what the "
            "contract pays, or past the limit."
        ),
    }
    sentences = [texts[after.overage, limit is not None]]
    if limit is not None and after.past_limit:
        sentences.append(_past_limit_text(limit, after.past_limit))
    return sentences


def _past_limit_text(limit: NotToExceedView, past: int) -> str:
    amount = money_text(past, limit.amount.currency) if limit.amount is not None else duration_words(past)
    if limit.per == "month":
        return gettext("%(amount)s of this month are past the limit already.", amount=amount)
    if limit.per == "service_request":
        return gettext("%(amount)s on unfinished requests are past the limit already.", amount=amount)
    return gettext("%(amount)s are past the limit already.", amount=amount)


def _money(money: MoneyView | None) -> str:
    return money_text(money.amount_minor, money.currency) if money is not None else gettext("none")


def exclusions_text(exclusions: Mapping[str, Sequence[str]]) -> str:
    """The work that a contract does not cover, by kind."""
    kinds = [
        f"{EXCLUSIONS.get(kind) or readable(kind)} {', '.join(map(readable, values))}"
        for kind, values in sorted(exclusions.items())
        if values
    ]
    return gettext("; ").join(kinds) or gettext("nothing")


def _new_contract(effect: ContractEffect) -> list[str]:
    after = effect.after
    what = [period_text(after.starts_at, after.expires_at, ZoneInfo(after.time_zone))]
    if after.balance.purchased:
        what.append(gettext("with %(amount)s", amount=_amount(after, after.balance.purchased)))
    if after.price is not None:
        price, origin = _money(after.price), price_origin_text(after.price_origin)
        if origin:
            what.append(gettext("for %(price)s (%(origin)s)", price=price, origin=origin))
        else:
            what.append(gettext("for %(price)s", price=price))
    sentences = [
        gettext(
            "%(number)s will be created (%(state)s): %(what)s.",
            number=after.number,
            state=_plain_state(after),
            what=", ".join(what),
        )
    ]
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
        parts.append(gettext("price list %(product)s", product=origin.product))
    if origin.source == "contract_type":
        parts.append(gettext("default of its type"))
    if origin.source == "quote":
        parts.append(gettext("as quoted"))
    if origin.list_price is not None:
        price = _money(origin.list_price)
        percent = decimal_text(origin.discount_percent or "")
        parts.append(gettext("%(price)s less %(percent)s %%", price=price, percent=percent))
    return ", ".join(parts)


def _other_contract(effect: ContractEffect) -> list[str]:
    before, after = effect.before, effect.after
    sentences = []
    moved = _moved(effect)
    if after.unit == "minutes" and moved.held < 0:
        sentences += _decided_texts(after, moved)
    elif moved.held < 0 and moved.expired <= 0:
        sentences.append(
            ngettext(
                "%(num)s incident returns to %(number)s; %(left)s will be left.",
                "%(num)s incidents return to %(number)s; %(left)s will be left.",
                -moved.held,
                number=after.number,
                left=_left(after),
            )
        )
    elif moved.expired > 0:
        sentences.append(
            ngettext(
                "%(amount)s of %(number)s expires unused.",
                "%(amount)s of %(number)s expire unused.",
                _grammatical_number(after, moved.expired),
                amount=_amount(after, moved.expired),
                number=after.number,
            )
        )
    if moved.held > 0:
        sentences.append(_held_text(after, moved.held))
    if before is not None and before.state != after.state:
        sentences.append(
            gettext("%(number)s will be %(state)s.", number=after.number, state=_plain_state(after))
        )
    return sentences


def _decided_texts(contract: ContractSnapshot, moved: UnitBalance) -> list[str]:
    """What becomes of minutes that were held for work: drawn, expired, or available again."""
    settled = min(-moved.held, max(moved.drawn, 0))
    expired = min(-moved.held - settled, max(moved.expired, 0))
    returned = -moved.held - settled - expired
    texts, number, left = [], contract.number, _left(contract)
    if settled:
        amount = _amount(contract, settled)
        texts.append(
            gettext(
                "%(amount)s held in %(number)s will be drawn; %(left)s will be left.",
                amount=amount,
                number=number,
                left=left,
            )
        )
    if expired:
        amount = _amount(contract, expired)
        texts.append(gettext("%(amount)s of %(number)s will expire unused.", amount=amount, number=number))
    if returned:
        amount = _amount(contract, returned)
        texts.append(
            gettext(
                "%(amount)s will return to %(number)s; %(left)s will be left.",
                amount=amount,
                number=number,
                left=left,
            )
        )
    return texts


def _held_text(contract: ContractSnapshot, amount: int) -> str:
    return gettext(
        "%(amount)s of %(number)s will be held; %(left)s will be left.",
        amount=incidents_text(amount) if contract.unit == "incidents" else _amount(contract, amount),
        number=contract.number,
        left=_left(contract),
    )


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


def _grammatical_number(contract: ContractSnapshot, amount: int) -> int:
    """The number by which the form of a verb with this amount is chosen."""
    return 1 if _is_one(contract, amount) else 2


def _is_one(contract: ContractSnapshot, amount: int) -> bool:
    """Whether an amount is in the singular: "1 incident", "1 hour", "€40.00"."""
    return contract.unit == "money" or amount == 1 or (contract.unit != "incidents" and amount == 60)


def _carried_text(contract: ContractSnapshot, minutes: int) -> str:
    return ngettext(
        "%(amount)s of carried time is drawn from it immediately.",
        "%(amount)s of carried time are drawn from it immediately.",
        _grammatical_number(contract, minutes),
        amount=_amount(contract, minutes),
    )


def _left(contract: ContractSnapshot) -> str:
    """What will be available."""
    units: dict[str, Unit] = {"incidents": "incidents", "money": "money"}
    unit = units.get(contract.unit or "", "minutes")
    return amount_text(contract.balance.available, unit, contract.currency)


# ------------------------------------------------------------------ work


def _moves(moves: list[MovedWorkView]) -> list[Line]:
    """The work entries that are drawn from elsewhere, each before and after."""
    if not moves:
        return []
    moving = [one for one in moves if one.moved_from]
    others = [one for one in moves if not one.moved_from]
    lines = []
    if moving:
        number = counted_text(len(moving))
        text = ngettext(
            "%(num)s work entry moves to the other request:",
            "%(num)s work entries move to the other request:",
            len(moving),
            num=number,
        )
        lines.append(_entry_line(text, moving))
    if others:
        number = counted_text(len(others))
        text = ngettext(
            "%(num)s work entry is drawn from elsewhere:",
            "%(num)s work entries are drawn from elsewhere:",
            len(others),
            num=number,
        )
        lines.append(_entry_line(text, others))
    return lines


def _entry_line(text: str, moves: list[MovedWorkView]) -> Line:
    details = [_entry_text(one) for one in moves[:MAX_NAMED]]
    return Line(text, details=details, more=max(0, len(moves) - MAX_NAMED))


def _entry_text(one: MovedWorkView) -> str:
    number = (
        f"{one.moved_from} → {one.service_request_number}" if one.moved_from else one.service_request_number
    )
    before, after = allocation_text(one.before), allocation_text(one.after)
    paid = f"{before} → {after}" if before != after else gettext("%(paid)s, as before", paid=after)
    at = instant_text(one.started_at, zone())
    return gettext("%(number)s, %(at)s: %(paid)s", number=number, at=at, paid=paid)
