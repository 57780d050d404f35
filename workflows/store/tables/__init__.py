"""The tables. Dates and postings are authoritative; stored states and balances only save time.

Each constraint guards an invariant of the code; the triggers of the migrations guard those that a constraint
cannot express (append-only tables, transactions that sum to zero).

One module for each subject; import them all as `from workflows.store import tables as t`.
"""

from workflows.store.tables.accounting_exports import accounting_export, accounting_export_entry
from workflows.store.tables.administration import (
    api_token,
    deployment,
    setting,
    setting_change,
    user_account,
    user_role_change,
)
from workflows.store.tables.alerts import alert
from workflows.store.tables.approvals import approval, approval_answer, approval_link, approval_use
from workflows.store.tables.audit_and_outbox import audit_event, mail_template, outbox
from workflows.store.tables.bank_statements import bank_entry, bank_entry_payment, bank_statement
from workflows.store.tables.base import metadata
from workflows.store.tables.billing import (
    billing_details,
    company_logo,
    customer_credit,
    invoice,
    invoice_discount,
    invoice_line,
    invoice_tax,
    payment,
    payment_allocation,
    payment_reversal,
    recurring_sale,
    sold_item,
)
from workflows.store.tables.contracts import (
    auto_top_up,
    carried_balance,
    contract,
    contract_amendment,
    contract_grant,
    contract_lapse,
    contract_past_holder,
    grant_balance,
)
from workflows.store.tables.disputes import dispute, statement_acceptance, statement_acceptance_head
from workflows.store.tables.erasures import erasure, erasure_begun, legal_hold
from workflows.store.tables.infrastructure import (
    counter,
    idempotency_key,
    imported_record,
    job_slot,
    job_status,
)
from workflows.store.tables.ledger import (
    accounting_period,
    ledger_adjustment,
    ledger_chain,
    ledger_checkpoint,
    ledger_checkpoint_head,
    ledger_posting,
    ledger_transaction,
)
from workflows.store.tables.logins import (
    known_device,
    login_delay,
    login_session,
    password_link,
    password_request,
)
from workflows.store.tables.margins import cost_rate
from workflows.store.tables.overage import invoice_confirmation, overage_charge, overage_item
from workflows.store.tables.payment_links import payment_link
from workflows.store.tables.quotes import (
    quote,
    quote_contract,
    quote_decision,
    quote_invoice,
    quote_line,
    quote_link,
    quote_version,
)
from workflows.store.tables.register import customer, customer_org_unit, item, org_unit, org_unit_line
from workflows.store.tables.reminders import invoice_reminder
from workflows.store.tables.rules import (
    rule_proposal,
    rule_publication,
    rule_replay,
    rule_replay_difference,
    rule_set,
    rules_folder,
)
from workflows.store.tables.selling import product, product_price
from workflows.store.tables.service_requests import (
    coverage_decision,
    service_request,
    service_request_history,
    service_request_note,
    sla_counted_time,
)
from workflows.store.tables.webhooks import (
    webhook_attempt,
    webhook_delivery,
    webhook_endpoint,
    webhook_secret,
)
from workflows.store.tables.work import (
    COUNTED_WORK,
    NOT_APPROVED_WORK,
    incident_hold,
    work_allocation,
    work_entry,
)

APPEND_ONLY = (
    "setting_change",
    "rule_set",
    "rule_publication",
    "contract_grant",
    "ledger_transaction",
    "ledger_posting",
    "ledger_adjustment",
    "ledger_checkpoint",
    "ledger_checkpoint_head",
    "service_request_history",
    "coverage_decision",
    "audit_event",
    "contract_amendment",
    "payment",
    "payment_reversal",
    "payment_allocation",
    "quote_decision",
    "quote_contract",
    "quote_invoice",
    "invoice_reminder",
    "accounting_export",
    "accounting_export_entry",
    "cost_rate",
    "user_role_change",
    "approval",
    "approval_answer",
    "approval_use",
    "statement_acceptance",
    "statement_acceptance_head",
    "erasure",
    "erasure_begun",
)
"""Tables whose rows the database refuses to update or delete, except as an erasure does it
(`store/erasure_triggers`)."""

__all__ = [
    "APPEND_ONLY",
    "COUNTED_WORK",
    "NOT_APPROVED_WORK",
    "accounting_export",
    "accounting_export_entry",
    "accounting_period",
    "alert",
    "api_token",
    "approval",
    "approval_answer",
    "approval_link",
    "approval_use",
    "audit_event",
    "auto_top_up",
    "bank_entry",
    "bank_entry_payment",
    "bank_statement",
    "billing_details",
    "carried_balance",
    "company_logo",
    "contract",
    "contract_amendment",
    "contract_grant",
    "contract_lapse",
    "contract_past_holder",
    "cost_rate",
    "counter",
    "coverage_decision",
    "customer",
    "customer_credit",
    "customer_org_unit",
    "deployment",
    "dispute",
    "erasure",
    "erasure_begun",
    "grant_balance",
    "idempotency_key",
    "imported_record",
    "incident_hold",
    "invoice",
    "invoice_confirmation",
    "invoice_discount",
    "invoice_line",
    "invoice_reminder",
    "invoice_tax",
    "item",
    "job_slot",
    "job_status",
    "known_device",
    "ledger_adjustment",
    "ledger_chain",
    "ledger_checkpoint",
    "ledger_checkpoint_head",
    "ledger_posting",
    "ledger_transaction",
    "legal_hold",
    "login_delay",
    "login_session",
    "mail_template",
    "metadata",
    "org_unit",
    "org_unit_line",
    "outbox",
    "overage_charge",
    "overage_item",
    "password_link",
    "password_request",
    "payment",
    "payment_allocation",
    "payment_link",
    "payment_reversal",
    "product",
    "product_price",
    "quote",
    "quote_contract",
    "quote_decision",
    "quote_invoice",
    "quote_line",
    "quote_link",
    "quote_version",
    "recurring_sale",
    "rule_proposal",
    "rule_publication",
    "rule_replay",
    "rule_replay_difference",
    "rule_set",
    "rules_folder",
    "service_request",
    "service_request_history",
    "service_request_note",
    "setting",
    "setting_change",
    "sla_counted_time",
    "sold_item",
    "statement_acceptance",
    "statement_acceptance_head",
    "user_account",
    "user_role_change",
    "webhook_attempt",
    "webhook_delivery",
    "webhook_endpoint",
    "webhook_secret",
    "work_allocation",
    "work_entry",
]
