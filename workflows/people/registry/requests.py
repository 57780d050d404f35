"""Service requests and what is done for them: notes, history, decisions, work, approvals, alerts."""

from workflows.people.kinds import Kind, NotTheirs, Theirs
from workflows.people.registry.of_customer import (
    acceptances,
    any_of,
    approvals,
    by,
    by_email,
    by_user,
    contracts,
    is_dispute_of,
    of_request_else,
    requests,
    through,
    work_entries,
)
from workflows.store import tables as t

REQUESTS: tuple[Theirs | NotTheirs, ...] = (
    Theirs(
        t.service_request,
        by(t.service_request.c.customer_id),
        {
            "subject": Kind.TEXT,
            "description": Kind.TEXT,
            "resolution": Kind.TEXT,
            "created_by": Kind.STAFF,
            "search_words": Kind.WORDS,
            # whose it was before: ids, perhaps of another customer
            "earlier": Kind.REFERENCE,
        },
        "number priority work_type channel state on_hold_reason outcome sla"
        " response_due_data resolution_due_data",
    ),
    Theirs(
        t.service_request_history,
        through(t.service_request_history.c.service_request_id, requests),
        {"actor": Kind.ACTOR, "note": Kind.TEXT, "reason": Kind.TEXT},
        "trigger from_state to_state",
    ),
    Theirs(
        t.service_request_note,
        through(t.service_request_note.c.service_request_id, requests),
        {"body": Kind.TEXT, "author": Kind.ACTOR},
    ),
    Theirs(t.sla_counted_time, through(t.sla_counted_time.c.service_request_id, requests)),
    Theirs(
        t.coverage_decision,
        through(t.coverage_decision.c.service_request_id, requests),
        {
            "actor": Kind.STAFF,
            "reason": Kind.TEXT,
            # ids and codes: the parties, and every contract that was considered, also of their org units
            "facts": Kind.REFERENCE,
            "candidates": Kind.REFERENCE,
            "params": Kind.REFERENCE,
        },
        # `why` is the text of a rule
        "rule_set outcome rule why cause",
    ),
    Theirs(
        t.alert,
        of_request_else(t.alert.c.service_request_id, through(t.alert.c.contract_id, contracts)),
        plain="kind target",
    ),
    Theirs(
        t.incident_hold,
        through(t.incident_hold.c.service_request_id, requests),
        plain="state transaction_id",
    ),
    Theirs(
        t.work_entry,
        through(t.work_entry.c.service_request_id, requests),
        {
            "note": Kind.TEXT,
            "not_billable_reason": Kind.TEXT,
            "decided_by": Kind.STAFF,
            "decision_reason": Kind.TEXT,
            "unapproved_reason": Kind.TEXT,
            "created_by": Kind.STAFF,
            # the parties whose contracts might pay
            "charged_by": Kind.REFERENCE,
        },
        "charge_why segments work_type state",
    ),
    Theirs(
        t.work_allocation,
        through(t.work_allocation.c.work_entry_id, work_entries),
        plain="kind currency transaction_id settlement_id",
    ),
    Theirs(
        t.approval,
        through(t.approval.c.service_request_id, requests),
        {"reason": Kind.TEXT, "recipient": Kind.EMAIL, "asked_by": Kind.STAFF},
        "currency preview",
    ),
    Theirs(
        t.approval_answer,
        any_of(through(t.approval_answer.c.approval_id, approvals), by_user(t.approval_answer.c.user_id)),
        {
            "comment": Kind.TEXT,
            "name": Kind.ACTOR,
            "recorded_by": Kind.STAFF,
            "recipient": Kind.EMAIL,
            "address": Kind.NETWORK,
        },
        "answer way",
    ),
    Theirs(
        t.approval_use, through(t.approval_use.c.work_entry_id, work_entries), {"recorded_by": Kind.STAFF}
    ),
    Theirs(
        t.approval_link,
        any_of(through(t.approval_link.c.approval_id, approvals), by_email(t.approval_link.c.recipient)),
        {"recipient": Kind.EMAIL, "token_hash": Kind.SECRET},
    ),
    Theirs(
        t.dispute,
        is_dispute_of,
        {
            "subject": Kind.JSON,
            "reason": Kind.TEXT,
            "opened_by": Kind.ACTOR,
            "decided_by": Kind.STAFF,
            "decision_reason": Kind.TEXT,
            "changed": Kind.JSON,
        },
        "kind state transaction_id",
    ),
    Theirs(
        t.statement_acceptance, by(t.statement_acceptance.c.customer_id), {"accepted_by": Kind.ACTOR}, "unit"
    ),
    Theirs(
        t.statement_acceptance_head,
        through(t.statement_acceptance_head.c.acceptance_id, acceptances),
        plain="chain_id hash",
    ),
    Theirs(
        t.rule_replay_difference,
        through(t.rule_replay_difference.c.difference["service_request"].as_string(), requests),
        {"difference": Kind.REFERENCE},
    ),
    NotTheirs(
        t.rule_replay,
        "Rules that were tried on past requests, and sums over all of them; deleted after some days.",
    ),
)
