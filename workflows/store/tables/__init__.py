"""The tables. Dates and postings are authoritative; stored states and balances only save time.

Each constraint guards an invariant of the code; the triggers of the migrations guard those that a constraint
cannot express (append-only tables, transactions that sum to zero).

One module for each subject; import them all as `from workflows.store import tables as t`.
"""

from workflows.store.tables.administration import (
    api_token,
    deployment,
    setting,
    setting_change,
    user_account,
)
from workflows.store.tables.alerts import alert
from workflows.store.tables.audit_and_outbox import audit_event, outbox
from workflows.store.tables.base import metadata
from workflows.store.tables.contracts import (
    carried_balance,
    contract,
    contract_amendment,
    contract_grant,
    contract_lapse,
    contract_past_holder,
    grant_balance,
)
from workflows.store.tables.infrastructure import (
    counter,
    idempotency_key,
    imported_record,
    job_slot,
    job_status,
)
from workflows.store.tables.ledger import (
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
from workflows.store.tables.register import customer, customer_org_unit, item, org_unit, org_unit_line
from workflows.store.tables.rules import (
    rule_proposal,
    rule_publication,
    rule_replay,
    rule_replay_difference,
    rule_set,
    rules_folder,
)
from workflows.store.tables.service_requests import (
    coverage_decision,
    service_request,
    service_request_history,
    service_request_note,
    sla_counted_time,
)
from workflows.store.tables.work import incident_hold, work_allocation, work_entry

APPEND_ONLY = (
    "setting_change",
    "rule_set",
    "rule_publication",
    "contract_grant",
    "ledger_transaction",
    "ledger_posting",
    "ledger_checkpoint",
    "ledger_checkpoint_head",
    "service_request_history",
    "coverage_decision",
    "audit_event",
    "contract_amendment",
)
"""Tables whose rows the database refuses to update or delete."""

__all__ = [
    "APPEND_ONLY",
    "alert",
    "api_token",
    "audit_event",
    "carried_balance",
    "contract",
    "contract_amendment",
    "contract_grant",
    "contract_lapse",
    "contract_past_holder",
    "counter",
    "coverage_decision",
    "customer",
    "customer_org_unit",
    "deployment",
    "grant_balance",
    "idempotency_key",
    "imported_record",
    "incident_hold",
    "item",
    "job_slot",
    "job_status",
    "known_device",
    "ledger_chain",
    "ledger_checkpoint",
    "ledger_checkpoint_head",
    "ledger_posting",
    "ledger_transaction",
    "login_delay",
    "login_session",
    "metadata",
    "org_unit",
    "org_unit_line",
    "outbox",
    "password_link",
    "password_request",
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
    "user_account",
    "work_allocation",
    "work_entry",
]
