"""The ledger: its transactions with their places in the chains, the audit, and the newest checkpoint."""

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from web.pages.administration.jobs import job_label
from web.pages.context import actor, desk
from web.pages.layout.listing import (
    all_rows,
    counted_page,
    csv_response,
    days_of_query,
    query_filters,
    wants_csv,
)
from web.pages.wording.ledger_audit import difference_record, difference_text
from web.pages.wording.posting_accounts import posting_account
from web.statement_labels import ACCOUNTS, MOVEMENTS
from workflows.contracts.queries import list_contracts
from workflows.core.errors import InvalidInput
from workflows.core.transaction import Transaction
from workflows.ledger.audit import AuditView
from workflows.ledger.checkpoints import list_checkpoints, parse_checkpoint
from workflows.ledger.queries import LedgerTransactionView, list_ledger_transactions
from workflows.reports.audit import audit_desk
from workflows.service_requests.queries import list_service_requests
from workflows.views import CountedPage, Page

CSV_HEADER = [
    "effective_at", "recorded_at", "kind", "why", "actor", "contract", "service_request", "owner", "account",
    "unit", "amount", "chain", "sequence", "hash", "job",
]  # fmt: skip
DEFAULT_ORDER = "-recorded_at"

pages = Blueprint("ledger", __name__, url_prefix="/ledger")


@pages.get("")
def ledger() -> str | Response:
    filters = query_filters("kind", "account", "contract", "service_request", "from", "to")
    order = query_filters("order").get("order", DEFAULT_ORDER)
    with desk().read(actor()) as tx:
        chosen = {**_resolved(tx, filters), "order": order}
        if wants_csv():
            rows = all_rows(lambda **at: _read(tx, chosen, at))
            return csv_response("ledger", CSV_HEADER, [line for one in rows for line in _csv_rows(one)])
        page = _read(tx, chosen, counted_page())
        audit, error = _audit(tx)
        newest = list_checkpoints(tx, limit=1).items
    return render_template(
        "administration/ledger.html",
        page=page,
        filters=filters,
        order=order,
        kinds=MOVEMENTS,
        accounts=ACCOUNTS,
        audit=audit,
        against=request.args.get("against", ""),
        against_error=error,
        checkpoint=newest[0] if newest else None,
        posting_account=posting_account,
        job_label=job_label,
        difference_text=difference_text,
        difference_record=difference_record,
    )


def _audit(tx: Transaction) -> tuple[AuditView | None, str | None]:
    """The audit if it was asked for, or what is wrong with the checkpoint that was given."""
    if "audit" not in request.args:
        return None, None
    text = request.args.get("against", "").strip()
    try:
        given = parse_checkpoint(text) if text else None
    except InvalidInput as error:
        return None, str(error)
    return audit_desk(tx, against=given), None


def _read(tx: Transaction, chosen: dict[str, Any], at: dict[str, Any]) -> Page[LedgerTransactionView]:
    if None in chosen.values():
        return CountedPage([], None)
    return list_ledger_transactions(tx, **chosen, **at)


def _resolved(tx: Transaction, filters: dict[str, str]) -> dict[str, Any]:
    """The filters, with numbers of contracts and requests replaced by ids; None: there is no such record."""
    chosen: dict[str, Any] = {key: value for key, value in filters.items() if key not in ("from", "to")}
    first, last = days_of_query()
    days = {"from_": first, "to": last}
    chosen |= {name: day for name, day in days.items() if day is not None}
    if "contract" in filters:
        contracts = list_contracts(tx, number=filters["contract"].upper(), limit=1).items
        chosen["contract"] = contracts[0].id if contracts else None
    if "service_request" in filters:
        requests = list_service_requests(tx, number=filters["service_request"].upper(), limit=1).items
        chosen["service_request"] = requests[0].id if requests else None
    return chosen


def _csv_rows(one: LedgerTransactionView) -> list[list[Any]]:
    """A row for each posting."""
    return [
        [
            one.effective_at.isoformat(),
            one.recorded_at.isoformat(),
            one.kind,
            one.why,
            one.actor,
            one.contract_number,
            one.service_request_number,
            posting.owner,
            posting.account,
            posting.unit,
            posting.amount,
            one.chain,
            one.sequence,
            one.hash,
            one.job,
        ]
        for posting in one.postings
    ]
