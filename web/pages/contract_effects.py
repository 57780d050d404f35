"""What an action on a contract would do, in numbers, before it is done."""

from collections.abc import Callable

from flask import Blueprint
from werkzeug.exceptions import NotFound

from web.pages.contract import contract_page
from web.pages.contract_forms import FORMS, adjust_values, renew_values, top_up_values
from web.pages.effects import UNTOLD, effect_answer, effect_shown
from web.pages.forms import DeskForm
from web.pages.shell import actor, desk
from workflows.commands import Adjust, CancelContract, Renew, TopUp
from workflows.contract_views import read_contract
from workflows.contracts import adjust, cancel_contract, enable_contract, renew, top_up
from workflows.desk import Transaction
from workflows.views.contracts import ContractDetail

UseCase = Callable[[Transaction], object]
pages = Blueprint("contract_effects", __name__, url_prefix="/contracts/<contract_id>/effect")


@pages.post("/<act>")
def show(contract_id: str, act: str) -> str:
    """The effect as a part of the page, or without JavaScript the page with the form open and its effect."""
    if act not in FORMS:
        raise NotFound
    with desk().read(actor()) as tx:
        contract = read_contract(tx, contract_id)
    form = FORMS[act]()
    shown = effect_shown(act, form, lambda: _use_case(act, form, contract), own=contract_id)
    return effect_answer(shown, lambda: contract_page(contract_id, {act: form}, shown))


def _use_case(act: str, form: DeskForm, contract: ContractDetail) -> UseCase | None:
    """What sending the form would run; None where it cannot be read, and its fields say why."""
    if act == "enable":
        return lambda tx: enable_contract(tx, contract.id)
    if act == "cancel":
        cancelling = CancelContract(reason=UNTOLD)
        return lambda tx: cancel_contract(tx, contract.id, cancelling)
    if act == "top_up":
        added = form.command(TopUp, top_up_values(form, contract.draws))
        return None if added is None else lambda tx: top_up(tx, contract.id, added)
    if act == "adjust":
        values = adjust_values(form, contract.draws)
        adjusted = form.command(Adjust, {**values, "reason": UNTOLD})
        return None if adjusted is None else lambda tx: adjust(tx, contract.id, adjusted)
    renewed = form.command(Renew, renew_values(form, contract.draws))
    return None if renewed is None else lambda tx: renew(tx, contract.id, renewed)
