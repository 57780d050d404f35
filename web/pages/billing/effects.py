"""What an action on an invoice does, as sentences, before it is done."""

from collections.abc import Callable

from engine.errors import DeskError
from web.languages import gettext
from web.pages.context import actor, desk
from web.pages.forms.base import DeskForm, add_desk_error
from web.pages.forms.effects import EffectPreview, preview_effect, typed_errors
from web.pages.wording.formats import day_text, money_text
from web.pages.wording.labels import labelled
from web.pages.wording.request_impact import Line
from workflows.billing.invoicing.previews import InvoicePreview, preview_draft, preview_invoice
from workflows.core.transaction import Transaction
from workflows.views import MoneyView
from workflows.views.billing import InvoiceDetail

UseCase = Callable[[Transaction], str]


def invoice_effect(
    action: str, form: DeskForm, invoice: InvoiceDetail, use_case: Callable[[], UseCase | None]
) -> EffectPreview:
    """Preview an action once its form is valid; a reason is not required yet."""
    if action == "process":
        return preview_effect(action, form, use_case)
    if "reason" in form:
        form["reason"].validators = ()
    act = use_case() if form.validate_on_submit() else None
    try:
        if act is not None:
            found = preview_invoice(desk(), actor(), invoice.id, act)
            return EffectPreview(action, [Line(text) for text in _SENTENCES[action](invoice, found)])
    except DeskError as error:
        add_desk_error(form, error)
    return EffectPreview(action, error=typed_errors(form))


def draft_effect(name: str, form: DeskForm, use_case: Callable[[], UseCase | None]) -> EffectPreview:
    """Preview the draft that a form would write or extend, once the form is valid."""
    act = use_case() if form.validate_on_submit() else None
    try:
        if act is not None:
            found = preview_draft(desk(), actor(), act)
            lines = [Line(labelled(one.description, _money(one.net))) for one in found.lines]
            total = gettext(
                "The draft then amounts to %(net)s, with tax %(total)s.",
                net=_money(found.net),
                total=_money(found.total),
            )
            return EffectPreview(name, [*lines, Line(total)])
    except DeskError as error:
        add_desk_error(form, error)
    return EffectPreview(name, error=typed_errors(form))


def _confirm(before: InvoiceDetail, found: InvoicePreview) -> list[str]:
    return [gettext("It can be issued then, unless it is changed before.")]


def _issue(before: InvoiceDetail, found: InvoicePreview) -> list[str]:
    after = found.after
    sentences = [
        gettext(
            "It gets the number %(number)s, unless another invoice is issued before.", number=after.number
        )
    ]
    if after.due_on is not None and after.open.amount_minor:
        due_on = day_text(after.due_on)
        sentences.append(gettext("%(amount)s is due on %(day)s.", amount=_money(after.open), day=due_on))
    if after.paid.amount_minor:
        sentences.append(gettext("%(amount)s of the customer's credit is used.", amount=_money(after.paid)))
    return [*sentences, gettext("It cannot be changed afterwards: a credit note corrects it.")]


def _pay(before: InvoiceDetail, found: InvoicePreview) -> list[str]:
    new = found.after.allocations[len(before.allocations) :]
    sentences = []
    paid = sum(one.amount.amount_minor for one in new if one.kind == "payment")
    early = sum(one.amount.amount_minor for one in new if one.kind == "early_payment")
    if paid:
        sentences.append(gettext("%(amount)s is paid.", amount=money_text(paid, before.currency)))
    if early:
        given = money_text(early, before.currency)
        sentences.append(gettext("%(amount)s is given as discount for early payment.", amount=given))
    left = found.after.open
    if left.amount_minor:
        sentences.append(gettext("%(amount)s stays open.", amount=_money(left)))
    else:
        sentences.append(
            gettext(
                "Nothing stays open. What is too much becomes credit of the customer, for the next invoice."
            )
        )
    return sentences


def _credit(before: InvoiceDetail, found: InvoicePreview) -> list[str]:
    sentences = [_note(found)]
    taken = before.open.amount_minor - found.after.open.amount_minor
    total = found.credit_note.total.amount_minor if found.credit_note is not None else 0
    sentences.append(gettext("Open afterwards: %(amount)s.", amount=_money(found.after.open)))
    if total > taken:
        sentences.append(gettext("What was paid of it becomes credit of the customer, for the next invoice."))
    return sentences


def _void(before: InvoiceDetail, found: InvoicePreview) -> list[str]:
    if found.credit_note is None:
        return [gettext("The draft gets no number. What it would have invoiced can be invoiced again.")]
    return [_note(found), gettext("What it invoiced can be invoiced again.")]


def _pause(before: InvoiceDetail, found: InvoicePreview) -> list[str]:
    until = found.after.dunning_paused_until
    assert until is not None, "the preview has paused it"
    return [
        gettext("No reminder is sent up to %(day)s.", day=day_text(until)),
        gettext("What would have come meanwhile comes afterwards, one by one."),
    ]


def _resume(before: InvoiceDetail, found: InvoicePreview) -> list[str]:
    return [gettext("Reminders go on: what is due is sent within minutes, one level at a time.")]


def _write_off(before: InvoiceDetail, found: InvoicePreview) -> list[str]:
    return [
        gettext(
            "%(amount)s is written off: debit write-offs, credit receivables.", amount=_money(before.open)
        ),
        gettext("No more reminders are sent. A payment that comes after all takes the write-off back."),
    ]


def _reverse_write_off(before: InvoiceDetail, found: InvoicePreview) -> list[str]:
    return [gettext("%(amount)s is open again, and reminders go on.", amount=_money(found.after.open))]


def _note(found: InvoicePreview) -> str:
    note = found.credit_note
    total = _money(note.total) if note is not None else ""
    return gettext("A credit note of %(amount)s is issued, which cannot be changed afterwards.", amount=total)


def _money(money: MoneyView) -> str:
    return money_text(money.amount_minor, money.currency)


_SENTENCES: dict[str, Callable[[InvoiceDetail, InvoicePreview], list[str]]] = {
    "confirm": _confirm,
    "issue": _issue,
    "pay": _pay,
    "credit": _credit,
    "void": _void,
    "write_off": _write_off,
    "reverse_write_off": _reverse_write_off,
    "pause": _pause,
    "resume": _resume,
}
