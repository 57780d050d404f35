"""The contract page: balance, statement, covered requests, terms and actions."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.periods import local_date
from engine.rulebook import scope_of
from web.languages import Texts, mark
from web.pages.context import actor, desk
from web.pages.contracts.burn_down import burn_down
from web.pages.contracts.forms import forms_for
from web.pages.contracts.terms import auto_top_up_text
from web.pages.forms.base import ActionForm, DeskForm
from web.pages.forms.effects import EffectPreview
from web.pages.layout.list_links import keep_list
from web.pages.layout.listing import cursor, days_of_query, days_problem, pdf_response, streamed_csv_response
from web.pages.wording.alerts import alert_label
from web.pages.wording.contract_history import changed_terms
from web.pages.wording.formats import amount_text
from web.pages.wording.impact import price_origin_text
from web.pages.wording.limits import limit_text
from web.pages.wording.months import borrow_text, carry_over_text
from web.posting_reasons import posting_reason
from web.statement_documents import CSV_REMARKS, contract_pdf, csv_remarks
from workflows.billing.issuing.unused_part import read_unused_part
from workflows.contracts.auto_top_up import list_auto_top_ups
from workflows.contracts.balance_curve import read_balance_curve
from workflows.contracts.queries import contract_audit, read_contract
from workflows.contracts.statement import open_statement, read_statement
from workflows.core.actors import OFFICE
from workflows.core.transaction import Transaction
from workflows.disputes.queries import disputes_of_statements
from workflows.reports.alerts import list_alerts
from workflows.service_requests.queries import list_service_requests, read_service_request
from workflows.views.contracts import ContractDetail, StatementLine
from workflows.views.disputes import DisputeView

SHOWN_REQUESTS = 10
SHOWN_LINES = 50
SHOWN_ALERTS = 5
EXCLUSION_KINDS = Texts(
    {
        "work_types": mark("work types"),
        "item_types": mark("item types"),
        "roles": mark("roles"),
        "priorities": mark("priorities"),
    }
)

pages = Blueprint("contract", __name__, url_prefix="/contracts/<contract_id>")
keep_list(pages, "contract_id")


@pages.get("")
def show(contract_id: str) -> str:
    return contract_page(contract_id)


@pages.get("/statement.csv")
def statement_csv(contract_id: str) -> Response:
    """The statement as CSV; its lines are read while they are sent."""
    with ExitStack() as stack:
        tx = stack.enter_context(desk().read(actor()))
        days = _days(tx, read_contract(tx, contract_id))
        statement = stack.enter_context(open_statement(tx, contract_id, **days))
        unit = statement.unit
        amount = "amount_minor" if unit == "money" else unit
        header = ["effective_at", "recorded_at", "kind", "service_request", amount, "balance_after", "why"]
        if statement.currency is not None:
            header.append("currency")
        header += CSV_REMARKS
        disputes = disputes_of_statements(tx, [contract_id])
        rows = (_csv_row(line, disputes.get(line.transaction)) for line in statement.lines)
        response = streamed_csv_response(f"statement-{statement.number}", header, rows)
        response.call_on_close(stack.pop_all().close)
        return response


@pages.get("/statement.pdf")
def statement_pdf(contract_id: str) -> Response:
    """The statement as PDF."""
    with desk().read(actor()) as tx:
        contract = read_contract(tx, contract_id)
        document = contract_pdf(tx, contract_id, **_days(tx, contract))
    return pdf_response(f"statement-{contract.number}", document)


def _csv_row(line: StatementLine, dispute: DisputeView | None) -> tuple[Any, ...]:
    return (
        line.effective_at.isoformat(),
        line.recorded_at.isoformat(),
        line.kind,
        "Another service request" if line.another_service_request else line.service_request_number,
        line.minutes or line.incidents or line.money,
        line.balance_after,
        line.why,
        *([line.currency] if line.currency is not None else []),
        *csv_remarks(line, dispute),
    )


def contract_page(
    contract_id: str, submitted: dict[str, DeskForm] | None = None, effect: EffectPreview | None = None
) -> str:
    """Render the contract page; a submitted form is shown open with its values and its effect."""
    problem = days_problem()
    with desk().read(actor()) as tx:
        contract = read_contract(tx, contract_id)
        related = {
            name: read_contract(tx, other)
            for name, other in (("renewal_of", contract.renewal_of), ("renewed_by", contract.renewed_by))
            if other is not None
        }
        unused = read_unused_part(tx, contract_id).lines if tx.actor.role in OFFICE else []
        statement = read_statement(
            tx,
            contract_id,
            **({} if problem else _days(tx, contract)),
            order="-effective_at",
            limit=SHOWN_LINES,
            cursor=cursor(),
        )
        return render_template(
            "contracts/show.html",
            contract=contract,
            related=related,
            created_for=read_service_request(tx, contract.service_request).number
            if contract.service_request is not None
            else None,
            statement=statement,
            days_problem=problem,
            disputes=disputes_of_statements(tx, [contract_id]),
            burn_down=burn_down(contract, read_balance_curve(tx, contract_id)),
            span={name: request.args.get(name, "") for name in ("from", "to")},
            accept_href=_accept_href(contract_id),
            requests=list_service_requests(tx, contract=contract_id, limit=SHOWN_REQUESTS, counted=True),
            audit=contract_audit(tx, contract_id) if tx.actor.is_staff else [],
            alerts=list_alerts(tx, contract=contract_id, limit=SHOWN_ALERTS).items
            if tx.actor.is_staff
            else [],
            alert_label=alert_label,
            top_ups=list_auto_top_ups(tx, contract_id)[:SHOWN_ALERTS] if tx.actor.is_staff else [],
            auto_top_up_text=auto_top_up_text,
            exclusion_kinds=EXCLUSION_KINDS,
            price_origin=price_origin_text(contract.price_origin),
            action_form=ActionForm(formdata=None),
            forms=forms_for(tx, contract, actor().role, submitted or {}, unused_part=unused),
            unused=unused,
            submitted=next(iter(submitted)) if submitted else None,
            effect=effect,
            amount=_amount(contract),
            scope_text=_scope_text,
            carry_over_text=carry_over_text,
            borrow_text=borrow_text,
            changed_terms=changed_terms,
            posting_reason=posting_reason,
            desk_time_expired=tx.settings.time_expired_contract,
            limit_text=limit_text,
            settings_time_zone=tx.settings.time_zone,
        )


def _accept_href(contract_id: str) -> str:
    """Where the statement is accepted, of the days that are shown."""
    span: dict[str, Any] = {name: request.args.get(name) or None for name in ("from", "to")}
    return url_for("statement_acceptance.accept", contract_id=contract_id, **span)


def _days(tx: Transaction, contract: ContractDetail) -> dict[str, Any]:
    """The requested days of the statement, until today by default (without future grants).

    From a later day on, it has what is still to come. Raises: InvalidInput.
    """
    first, last = days_of_query()
    today = local_date(tx.now, ZoneInfo(contract.time_zone))
    if last is None and (first is None or first <= today):
        last = today
    return {"from_": first, "to": last}


def _scope_text(scope: Any) -> str:
    """The conditions of a grant's scope as a part of a sentence."""
    found = scope_of(scope)
    return found.text if found is not None else ""


def _amount(contract: ContractDetail) -> Callable[[int | None], str]:
    """Formatter for amounts in this contract's unit."""
    unit: Any = contract.draws if contract.draws != "nothing" else "minutes"
    return lambda amount: amount_text(amount, unit, contract.balance.money.currency)
