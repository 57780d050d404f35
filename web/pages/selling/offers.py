"""Buying a contract or a top-up in the portal: what is offered, and the order with its price."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from web.languages import gettext
from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm, attempt_once
from workflows.commands.selling import BuyOffer
from workflows.core.transaction import Transaction
from workflows.selling.offers import buy_offer, find_offer, list_offers

pages = Blueprint("offers", __name__, url_prefix="/offers")


@pages.get("")
def offers() -> str:
    with desk().read(actor()) as tx:
        found = list_offers(tx)
    return render_template("selling/offers/index.html", offers=found)


@pages.route("/<product_id>", methods=["GET", "POST"])
def order(product_id: str) -> tuple[str, int] | Response:
    """What is ordered and what it costs; the price that is ordered at is the one that the form showed."""
    contract = request.args.get("contract") or None
    with desk().read(actor()) as tx:
        offer = find_offer(tx, product_id, contract)
    form = ActionForm()
    if form.validate_on_submit():
        sent = request.form.get("price", "")
        amount = int(sent) if sent.isdecimal() and len(sent) < 14 else 0
        price = {"amount_minor": amount, "currency": offer.price.currency}
        command = form.command(BuyOffer, {"price": price, "contract": contract})

        def buy(tx: Transaction) -> str:
            return buy_offer(tx, product_id, command).contract if command else ""

        made = attempt_once(form, buy, command)
        if made:
            flash(gettext("Ordered. It takes effect once it is paid or confirmed."), "success")
            return redirect(url_for("contract.show", contract_id=made))
    page = render_template("selling/offers/order.html", offer=offer, form=form)
    return page, 422 if form.has_errors else 200
