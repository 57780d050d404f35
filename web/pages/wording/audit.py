"""What happened, in words, and the page of the record that it happened to. Details are in `audit_details`."""

from typing import Any

from flask import url_for

from web.languages import Texts, mark
from web.pages.wording.labels import CONTRACT_ACTIONS, readable
from workflows.operations.audit_trail import AuditEventView

ACTIONS = Texts(
    {
        "token made": mark("API token created"),
        "token revoked": mark("API token revoked"),
        "logged in": mark("Signed in"),
        "login failed": mark("Sign-in failed"),
        "login delayed": mark("Sign-in delayed after failures"),
        "signed out": mark("Signed out on all devices"),
        "signed out by an administrator": mark("Signed out by an administrator"),
        "session ended": mark("Session ended"),
        "invitation sent": mark("Invitation sent"),
        "reset sent": mark("Link for a new password sent"),
        "password link shown": mark("Link for a new password shown to an administrator"),
        "password set by link": mark("Password set by a link"),
        "created": mark("Created"),
        "changed": mark("Changed"),
        "deleted": mark("Deleted"),
        "assigned": mark("Assigned"),
        "stored": mark("Stored"),
        "closed": mark("Closed"),
        "reopened": mark("Reopened"),
        "added": mark("Added"),
        "moved": mark("Moved"),
        "imported": mark("Imported"),
        "uploaded": mark("Uploaded"),
        "issued": mark("Issued"),
        "sold": mark("Sold"),
        "sent": mark("Sent"),
        "ended": mark("Ended"),
        "credited": mark("Credited"),
        "reversed": mark("Reversed"),
        "recorded": mark("Recorded"),
        "processed": mark("Processed"),
        "reminded": mark("Reminded"),
        "voided": mark("Voided"),
        "confirmed": mark("Confirmed"),
        "approved": mark("Approved"),
        "rejected": mark("Rejected"),
        "merged": mark("Merged"),
        "split": mark("Split"),
        "made": mark("Made"),
        "accepted": mark("Accepted"),
        "declined": mark("Declined"),
        "lapsed": mark("Lapsed"),
        "superseded": mark("Superseded"),
        "loading": mark("Loading"),
        "loaded": mark("Loaded"),
        "written off": mark("Written off"),
        "write-off reversed": mark("Write-off reversed"),
        "paid online": mark("Paid online"),
        "payment to match": mark("Payment to match"),
        "reminders paused": mark("Reminders paused"),
        "reminders resumed": mark("Reminders resumed"),
        "payments recorded": mark("Payments recorded"),
        "set aside": mark("Set aside"),
        "not to be invoiced": mark("Not to be invoiced"),
        "charged again": mark("Recalculated"),
        "submitted again": mark("Submitted again"),
        "approval asked": mark("Approval asked for"),
        "approval approved": mark("Approval given"),
        "approval declined": mark("Approval declined"),
        "logged beyond approval": mark("Logged beyond approval"),
        "approved by the customer": mark("Approved by the customer"),
        "merged here": mark("Merged here"),
        "split away": mark("Split off"),
        "warned that it is unpaid": mark("Warned that it is unpaid"),
        "billing details changed": mark("Billing details changed"),
        "mail template changed": mark("Mail template changed"),
        "mail template reset": mark("Mail template reset"),
        "mail template tested": mark("Mail template tested"),
        "webhook created": mark("Webhook created"),
        "webhook changed": mark("Webhook changed"),
        "webhook disabled": mark("Webhook disabled"),
        "webhook removed": mark("Webhook removed"),
        "webhook secret rotated": mark("Webhook secret rotated"),
        "webhook tested": mark("Webhook tested"),
        "webhook delivery replayed": mark("Webhook delivery replayed"),
        "webhook deliveries replayed": mark("Webhook deliveries replayed"),
        "targets moved": mark("Targets moved"),
        "service level changed": mark("Service level changed"),
        "price added": mark("Price added"),
        "price ends": mark("Price ends"),
        "price removed": mark("Price removed"),
        "sold by quote": mark("Sold by quote"),
        "sold beside": mark("Sold with it"),
        "opened": mark("Opened"),
        "statement accepted": mark("Statement accepted"),
        "top-up ordered": mark("Top-up ordered"),
        "past work re-priced": mark("Past work priced again"),
        "erased": mark("Erased"),
        "legal hold set": mark("Legal hold set"),
        "legal hold lifted": mark("Legal hold lifted"),
        "personal data exported": mark("Personal data exported"),
        "old records removed": mark("Old records removed"),
    }
)
RECORD_PAGES = {
    "bank_entry": ("bank_entries.show", "bank_entry_id"),
    "bank_statement": ("bank_statements.show", "bank_statement_id"),
    "contract": ("contract.show", "contract_id"),
    "customer": ("customers.show", "customer_id"),
    "dispute": ("disputes.show", "dispute_id"),
    "invoice": ("invoice.show", "invoice_id"),
    "item": ("items.show", "item_id"),
    "org_unit": ("org_units.show", "org_unit_id"),
    "mail_template": ("mail_templates.edit", "key"),
    "product": ("products.show", "product_id"),
    "quote": ("quotes.show", "quote_id"),
    "payment": ("payments.show", "payment_id"),
    "recurring_sale": ("recurring_sales.show", "sale_id"),
    "service_request": ("service_request.show", "service_request_id"),
    "user": ("users.edit", "user_id"),
    "webhook": ("webhooks.show", "webhook_id"),
}
KINDS = Texts(
    {
        "login": mark("Unknown user"),
        "work_entry": mark("Work entry"),
        "accounting_export": mark("Accounting export"),
        "accounting_period": mark("Accounting period"),
        "bank_entry": mark("Bank entry"),
        "bank_statement": mark("Bank statement"),
        "contract": mark("Contract"),
        "cost_rate": mark("Cost rate"),
        "dispute": mark("Dispute"),
        "customer": mark("Customer"),
        "desk": mark("Desk"),
        "invoice": mark("Invoice"),
        "item": mark("Item"),
        "mail_template": mark("Mail template"),
        "org_unit": mark("Org unit"),
        "payment": mark("Payment"),
        "product": mark("Product"),
        "quote": mark("Quote"),
        "recurring_sale": mark("Recurring sale"),
        "service_request": mark("Service request"),
        "user": mark("User"),
        "webhook": mark("Webhook"),
    }
)


def event_text(event: AuditEventView) -> str:
    """What happened: "Sign-in failed"."""
    return event_action(event.subject_kind, event.action)


def event_action(kind: str, action: str) -> str:
    """What happened to a record of this kind."""
    own = CONTRACT_ACTIONS.get(action) if kind == "contract" else None
    return own or ACTIONS.get(action) or readable(action).capitalize()


def event_kind(event: AuditEventView) -> str:
    """The kind of record that an event is about: "Org unit"."""
    return KINDS.get(event.subject_kind) or readable(event.subject_kind).capitalize()


def event_href(event: AuditEventView) -> str | None:
    """The page of the record that an event is about; None if it has none."""
    endpoint, name = RECORD_PAGES.get(event.subject_kind, ("", ""))
    values: dict[str, Any] = {name: event.subject_id}
    return url_for(endpoint, **values) if endpoint else None
