"""The overview page of each role but technicians, who begin with the queue."""

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from engine.contract_alerts import CONTRACT_ALERT_KINDS
from web.pages.context import actor, desk, now
from web.pages.service_requests.sla import next_target
from web.pages.wording.alerts import alert_label
from web.pages.wording.disputes import KINDS, subject_text
from workflows.accounting_periods.queries import next_to_close, read_checklist
from workflows.administration.activation import billing_checklist
from workflows.billing.figures import read_billing_figures
from workflows.billing.invoicing.queries import list_invoices
from workflows.contracts.queries import list_contracts
from workflows.core.errors import NoRuleSet
from workflows.core.transaction import Transaction
from workflows.disputes.queries import count_open, list_disputes
from workflows.notifications.webhooks.queries import list_failing
from workflows.operations.health import read_health
from workflows.operations.time_zone_data import time_zone_data
from workflows.register import list_items
from workflows.reports.alerts import list_alerts
from workflows.reports.finance import read_finance_overview
from workflows.reports.overview import ENDING_DAYS, list_uncovered, read_overview
from workflows.reports.running_out import list_running_out
from workflows.rule_sets.folder_watch import list_rules_folders
from workflows.rule_sets.proposals import list_proposals
from workflows.rule_sets.publishing import rule_set_in_force, warnings_in_force
from workflows.service_requests.queries import list_service_requests
from workflows.views.rules import RuleSetView
from workflows.work.approval_queries import list_approvals

FIRST_ROWS = 5
CUSTOMER_ITEMS = 12
CUSTOMER_CONTRACTS = 10

pages = Blueprint("home", __name__)


@pages.get("/")
def home() -> str | Response:
    role = actor().role
    if role == "technician":
        return redirect(url_for("queue.queue"))
    if role == "customer":
        return _customer()
    if role == "administrator":
        return _administrator()
    return _finance() if role == "finance" else _supervisor()


def _finance() -> str:
    """The overview of finance: payments awaited, contracts that end or run out, and uncovered time."""
    with desk().read(actor()) as tx:
        overview = read_finance_overview(tx)
        unpaid = list_contracts(tx, awaiting_payment=True, order="created_at", limit=FIRST_ROWS).items
        used_up = list_contracts(tx, state="exhausted", limit=FIRST_ROWS).items
        uncovered = list_uncovered(tx, from_at=overview.month_starts_at, limit=FIRST_ROWS)
        return render_template(
            "home/finance.html",
            overview=overview,
            unpaid=unpaid,
            used_up=used_up,
            uncovered=uncovered.items,
            alerts=list_alerts(tx, kinds=CONTRACT_ALERT_KINDS, limit=FIRST_ROWS).items,
            alert_label=alert_label,
            open_disputes=count_open(tx),
            disputes=list_disputes(tx, state="open", order="opened_at", limit=FIRST_ROWS).items,
            dispute_kinds=KINDS,
            subject_text=subject_text,
            billing=read_billing_figures(tx) if tx.config.shows_invoices else None,
            invoicing=tx.settings.invoicing,
            to_close=read_checklist(tx, month) if (month := next_to_close(tx)) else None,
            **_contract_figures(tx),
        )


def _supervisor() -> str:
    """The overview of supervisors: waiting, at risk, ending contracts and uncovered time."""
    with desk().read(actor()) as tx:
        return render_template("home/overview.html", **_figures(tx))


def _figures(tx: Transaction) -> dict[str, object]:
    at_risk = list_service_requests(tx, queue="at_risk", order="next_due_at", limit=FIRST_ROWS).items
    return {
        "overview": read_overview(tx),
        "waiting": list_service_requests(tx, queue="waiting", order="opened_at", limit=FIRST_ROWS).items,
        "at_risk": at_risk,
        "targets": {one.id: next_target(one, now()) for one in at_risk},
        "alerts": list_alerts(tx, limit=FIRST_ROWS).items,
        "alert_label": alert_label,
        **_contract_figures(tx),
    }


def _contract_figures(tx: Transaction) -> dict[str, object]:
    """The contracts that end soon, and those that run out soon at the current rate."""
    run_out = {one.contract: one.runs_out_at for one in list_running_out(tx)}
    running = list_contracts(tx, ids=list(run_out)[:FIRST_ROWS]).items
    return {
        "ending": list_contracts(
            tx, ends_within_days=ENDING_DAYS, order="expires_at", limit=FIRST_ROWS
        ).items,
        "run_out": run_out,
        "running_low": sorted(running, key=lambda one: run_out[one.id]),
        "ending_days": ENDING_DAYS,
    }


def _administrator() -> str:
    """The administrator's overview: billing, rules, jobs, messages, time zones; then the service desk."""
    with desk().read(actor()) as tx:
        figures = _figures(tx)
        checklist = billing_checklist(tx, limit=1)
        rules = _rules(tx)
        warnings = warnings_in_force(tx)
        refused = [one for one in list_rules_folders(tx) if not one.ok]
        proposals = list_proposals(tx, state="open").items
        failing = list_failing(tx)
    health = read_health(desk())
    return render_template(
        "home/administration.html",
        checklist=checklist,
        rules=rules,
        warnings=warnings,
        refused=refused,
        proposals=proposals,
        failing_webhooks=failing,
        jobs=health.jobs,
        sends_mail=desk().smtp_url is not None,
        zones=time_zone_data(),
        **figures,
    )


def _rules(tx: Transaction) -> RuleSetView | None:
    try:
        return rule_set_in_force(tx)
    except NoRuleSet:
        return None


def _customer() -> str:
    """The customer's overview: requests, contracts with balances, and items to log a request for."""
    with desk().read(actor()) as tx:
        own = list_items(tx, owner=actor().customer, limit=CUSTOMER_ITEMS)
        every = list_items(tx, limit=CUSTOMER_ITEMS)
        # The customer's own items first: they are needed more often than those of the whole site.
        items = list({one.id: one for one in [*own.items, *every.items]}.values())
        return render_template(
            "home/customer.html",
            approvals=list_approvals(tx, state="asked", order="lapses_at", limit=FIRST_ROWS).items,
            requests=list_service_requests(tx, queue="unfinished", limit=FIRST_ROWS).items,
            invoices=list_invoices(tx, payment="open", order="due_on", limit=FIRST_ROWS).items,
            contracts=[
                one
                for state in ("active", "exhausted", "pending")
                for one in list_contracts(tx, state=state, order="expires_at", limit=CUSTOMER_CONTRACTS).items
            ],
            items=items[:CUSTOMER_ITEMS],
            more_items=every.next_cursor is not None or len(items) > CUSTOMER_ITEMS,
        )
