"""One call for each writing route: what it sends on the desk of `stage`, as a table.

`{name}` stands for the id of a record of the stage. A new route without a row here fails the test.
"""

from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """A call of a writing route.

    `path` has the parts of its address, where they are not the stage's own. `sends` is the JSON body of the
    API, or the fields of a form that are filled in; the others are those of the page `opens`, whose address
    may be another one. `in_steps` says why it commits several times, and so may have done a part when it
    fails; sending it again completes it. `prepares` is a statement that comes before it.
    `file` is the body of an API call, or the field `upload` of a form, that takes a file. The role `provider`
    is that of online payments, whose body has a signature.
    `written_later` names tables that a thread writes to after the response, and may fail to.
    """

    sends: dict[str, Any] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    opens: str = ""
    role: str = "administrator"
    in_steps: str = ""
    prepares: str = ""
    file: str = ""
    written_later: frozenset[str] = frozenset()


ASSIGN_ITEM = "UPDATE item SET owner_customer_id = '{ann}' WHERE owner_customer_id IS NULL"
OLD_ENTRY = "UPDATE work_entry SET charged_by = NULL"
"""As of a program that stored no terms: there is something to recalculate."""
SUBMITTED = "UPDATE work_entry SET state = 'submitted'"
"""As if it had been logged while entries are approved: there is something to decide."""
AUTO_TOP_UP = {"mode": "issue", "below": 5000, "minutes": 60}
LOGO = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
"""A picture of one pixel, PNG in base64."""
RECURRING = {
    "customer": "{ann}",
    "description": "Hosting",
    "unit_price": {"amount_minor": 500},
    "every": "month",
}
EVE = {"customer_id": "eve"}
ERASURE = {"name": "Eve", "reason": "Asked for it"}
ONCE = {"sold_item": "request_sold_item"}
ISSUED = {"invoice_id": "issued_invoice"}
ASKS_THE_PROVIDER = "the provider of payments makes its page between two transactions"
LINE = {"description": "Parts", "quantity": "2", "unit_price": {"amount_minor": 500}, "tax_rate": "No tax"}
WORK = {"minutes": 30, "worked_at": "2026-03-02T09:00:00Z", "note": "Looked at it"}
AT = "2026-03-02T09:00"
QUOTED = {"description": "A visit", "unit_price": {"amount_minor": 100}}
API: dict[str, Call] = {
    "POST /accounting-exports": Call({"format": "csv", "to_on": "2026-03-02"}, role="finance"),
    "POST /accounting-periods/<period>/close": Call({"reason": "Month end"}, {"period": "2026-02"}),
    "POST /accounting-periods/<period>/reopen": Call({"reason": "Too early"}),
    "POST /bank-entries/<bank_entry>/assign": Call(
        {"invoices": [{"invoice": "{invoice_to_pay}"}]}, role="finance"
    ),
    "POST /bank-entries/<bank_entry>/set-aside": Call({"reason": "Interest"}, role="finance"),
    "POST /bank-statements": Call(file="{bank_file}", role="finance"),
    "POST /billing/activate": Call({"contract_validation": True}, prepares=ASSIGN_ITEM),
    "POST /contracts": Call({"type": "support_hours", "holder": {"customer": "{bob}"}, "minutes": 60}),
    "POST /contracts/preview": Call(
        {"type": "support_hours", "holder": {"customer": "{bob}"}, "minutes": 60}
    ),
    "POST /contracts/<contract>/adjust": Call({"minutes": 30, "reason": "Goodwill"}),
    "POST /contracts/<contract>/adjust/preview": Call({"minutes": 30, "reason": "Goodwill"}),
    "POST /contracts/<contract>/amend": Call({"sla": "gold", "reason": "Agreed"}),
    "POST /contracts/<contract>/amend/preview": Call({"sla": "gold", "reason": "Agreed"}),
    "POST /contracts/<contract>/auto-top-up": Call({"auto_top_up": AUTO_TOP_UP}),
    "POST /contracts/<contract>/auto-top-up/preview": Call({"auto_top_up": AUTO_TOP_UP}),
    "POST /contracts/<contract>/auto-top-ups/<top_up>/confirm": Call({"reason": "Ordered"}),
    "POST /contracts/<contract>/auto-top-ups/<top_up>/confirm/preview": Call(),
    "POST /contracts/<contract>/auto-top-ups/<top_up>/decline": Call({"reason": "Not wanted"}),
    "POST /contracts/<contract>/cancel": Call({"reason": "Not wanted"}),
    "POST /contracts/<contract>/cancel/preview": Call({"reason": "Not wanted"}),
    "POST /contracts/<contract>/credit-unused": Call({"reason": "Unused"}, {"contract": "cancelled"}),
    "POST /contracts/<contract>/credit-unused/preview": Call({"reason": "Unused"}, {"contract": "cancelled"}),
    "POST /contracts/<contract>/statement/accept": Call(role="customer"),
    "POST /disputes": Call({"invoice_line": "{invoice_line}", "reason": "Not ordered"}),
    "POST /disputes/<dispute>/accept": Call({"minutes": 10}),
    "POST /disputes/<dispute>/accept/preview": Call({"minutes": 10}),
    "POST /disputes/<dispute>/decline": Call({"reason": "As agreed"}),
    "POST /contracts/<contract>/enable": Call(path={"contract": "pending"}),
    "POST /contracts/<contract>/enable/preview": Call(path={"contract": "pending"}),
    "POST /contracts/<contract>/renew": Call(path={"contract": "ending"}),
    "POST /contracts/<contract>/renew/preview": Call(path={"contract": "ending"}),
    "POST /contracts/<contract>/top-up": Call({"minutes": 60}),
    "POST /contracts/<contract>/top-up/preview": Call({"minutes": 60}),
    "POST /contracts/<contract>/transfer": Call({"holder": {"customer": "{bob}"}, "reason": "Sold"}),
    "POST /contracts/<contract>/transfer/preview": Call({"holder": {"customer": "{bob}"}, "reason": "Sold"}),
    "POST /coverage/bulk": Call({"group": "waiting"}),
    "POST /coverage/preview": Call({"customer": "{ann}"}),
    "POST /customers": Call({"email": "new@example.com", "name": "New", "org_unit": "{org_unit}"}),
    "PATCH /customers/<customer_id>": Call({"name": "Ann Other"}),
    "POST /customers/<customer_id>/erasure": Call(ERASURE, EVE),
    "POST /customers/<customer_id>/erasure/preview": Call(path=EVE),
    "POST /customers/<customer_id>/legal-hold": Call({"reason": "Case 12"}, EVE),
    "DELETE /customers/<customer_id>/legal-hold": Call(path={"customer_id": "held"}),
    "PATCH /customers/<customer_id>/billing": Call({"city": "Bonn", "vat_id": "DE136695976"}),
    "PATCH /org-units/<org_unit_id>/billing": Call({"city": "Bonn"}),
    "POST /cost-rates": Call(
        {"role": "technician", "per_hour": {"amount_minor": 3000}, "from_on": "2026-03-02"}
    ),
    "POST /cost-rates/preview": Call(
        {"role": "technician", "per_hour": {"amount_minor": 3000}, "from_on": "2026-03-02"}
    ),
    "POST /invoices": Call({"customer": "{ann}", "lines": [LINE]}),
    "PATCH /invoices/<invoice_id>": Call({"lines": [LINE], "note": "Agreed"}),
    "POST /invoices/<invoice_id>/issue": Call(),
    "POST /invoices/<invoice_id>/void": Call({"reason": "A mistake"}),
    "POST /invoices/<invoice_id>/credit": Call({"reason": "Agreed"}, ISSUED),
    "POST /invoices/<invoice_id>/process": Call(path=ISSUED),
    "POST /invoices/<invoice_id>/dunning/pause": Call({"until": "2027-12-01", "reason": "Asked"}, ISSUED),
    "POST /invoices/<invoice_id>/dunning/resume": Call(path=ISSUED),
    "POST /invoices/<invoice_id>/write-off": Call({"reason": "Insolvent"}, ISSUED),
    "POST /invoices/<invoice_id>/write-off/reverse": Call(
        {"reason": "Paid after all"}, {"invoice_id": "written_off_invoice"}
    ),
    "POST /invoices/<invoice_id>/payments": Call(
        {"amount": {"amount_minor": 100}, "received_on": "2026-03-02"}, ISSUED, role="finance"
    ),
    "POST /payments/<payment_id>/reverse": Call({"reason": "Returned"}, role="finance"),
    "POST /invoices/<invoice_id>/payment-link": Call(path=ISSUED, in_steps=ASKS_THE_PROVIDER),
    "POST /recurring-sales": Call(RECURRING),
    "POST /recurring-sales/preview": Call(RECURRING),
    "POST /recurring-sales/<recurring_sale>/end": Call({"last_on": "2026-12-31"}),
    "POST /recurring-sales/<recurring_sale>/end/preview": Call({"last_on": "2026-12-31"}),
    "POST /sold-items/draft": Call({"customer": "{bob}"}),
    "POST /invoices/<invoice_id>/confirm": Call({"reason": "Agreed by phone"}, role="finance"),
    "POST /time-to-bill/draft": Call({"customer": "{dora}", "month": "2026-03"}),
    "PATCH /sold-items/<sold_item>": Call({"quantity": "3"}, ONCE),
    "DELETE /sold-items/<sold_item>": Call(path=ONCE),
    "POST /service-requests/<service_request>/sold-items": Call(
        {"description": "A cable", "unit_price": {"amount_minor": 500}}
    ),
    "POST /sold-items/<sold_item>/credit": Call({"reason": "Less time"}, {"sold_item": "owed_item"}),
    "POST /sold-items/<sold_item>/waive": Call({"reason": "Goodwill"}),
    "POST /items": Call(
        {"number": "N-1", "name": "New", "item_type": "laptop", "owner": {"customer": "{ann}"}}
    ),
    "PATCH /items/<item_id>": Call({"name": "Another"}),
    "POST /items/assign": Call({"owner": {"customer": "{ann}"}, "items": ["{global_item}"]}),
    "PATCH /mail-templates/<template>": Call({"subject": "Another"}),
    "POST /mail-templates/<template>/preview": Call({"subject": "Another"}),
    "POST /mail-templates/<template>/reset": Call(),
    "POST /mail-templates/<template>/test": Call(),
    "POST /offers/<product>/buy": Call(
        {"price": {"amount_minor": 500}}, {"product": "offered_product"}, role="customer"
    ),
    "POST /org-units": Call({"code": "new", "name": "New", "parent": "{org_unit}"}),
    "PATCH /org-units/<org_unit_id>": Call({"name": "Another"}),
    "POST /products": Call({"code": "KM", "label": "By car", "kind": "travel"}),
    "POST /products/import": Call({"file": "code,label,kind\nKM,By car,travel\n"}),
    "PATCH /products/<product>": Call({"label": "Another"}),
    "POST /products/<product>/prices": Call({"price": {"amount_minor": 1}, "first_on": "2028-01-01"}),
    "PATCH /products/<product>/prices/<price>": Call({"last_on": "2027-06-30"}),
    "DELETE /products/<product>/prices/<price>": Call(),
    "POST /service-requests/<service_request>/approvals": Call({"minutes": 30, "reason": "The disk"}),
    "POST /approvals/<approval>/approve": Call({"name": "Ann", "minutes": 30}),
    "POST /approvals/<approval>/decline": Call({"name": "Ann"}),
    "POST /quotes": Call({"customer": "{ann}", "subject": "New", "last_on": "2027-12-31", "lines": [QUOTED]}),
    "PATCH /quotes/<quote>": Call({"subject": "Another"}),
    "POST /quotes/<quote>/send": Call(),
    "POST /quotes/<quote>/accept": Call({"comment": "Fine"}, {"quote": "open_quote"}),
    "POST /quotes/<quote>/accept/preview": Call(path={"quote": "open_quote"}),
    "POST /quotes/<quote>/decline": Call({"comment": "Too much"}, {"quote": "open_quote"}),
    "POST /rules/<version>/publish": Call(
        {"note": "Back", "based_on": "{version}"}, {"version": "old_version"}
    ),
    "POST /rules/calendars/<calendar>/closures": Call({"file": "{closures}"}, {"calendar": "calendar"}),
    "POST /rules/check": Call({"files": "{files}"}),
    "POST /rules/proposals/<proposal>/approve": Call({"based_on": "{version}"}),
    "POST /rules/proposals/<proposal>/reject": Call({"reason": "No"}),
    "POST /rules/publish": Call({"files": "{files}", "note": "New", "based_on": "{version}"}),
    "POST /rules/replay": Call(
        {"files": "{files}", "from": "2026-03-01T00:00:00Z", "to": "2026-03-03T00:00:00Z"},
        in_steps="a replay is stored when it begins, and again with its results",
    ),
    "POST /rules/replays/<replay>/cancel": Call(),
    "POST /sandbox/clock": Call(
        {"now": "2026-03-02T09:00:01Z"}, in_steps="each job that is due has transactions of its own"
    ),
    "POST /service-requests": Call({"subject": "New", "customer": "{carl}"}, role="technician"),
    "PATCH /service-requests/<service_request>": Call({"priority": "high", "work_type": "remote"}),
    "POST /service-requests/<service_request>/contracts": Call(
        {"type": "per_request"}, {"service_request": "waiting"}, role="supervisor"
    ),
    "POST /service-requests/<service_request>/coverage": Call(),
    "POST /service-requests/<service_request>/coverage/preview": Call(),
    "POST /service-requests/<service_request>/merge": Call({"into": "{second}", "reason": "The same"}),
    "POST /service-requests/<service_request>/merge/preview": Call({"into": "{second}"}),
    "POST /service-requests/<service_request>/remind": Call(path={"service_request": "waiting"}),
    "POST /service-requests/<service_request>/split": Call(
        {"reason": "Another fault"}, {"service_request": "merged"}
    ),
    "POST /service-requests/<service_request>/split/preview": Call(path={"service_request": "merged"}),
    "POST /service-requests/<service_request>/notes": Call({"body": "A note", "public": True}),
    "POST /service-requests/<service_request>/transitions": Call({"trigger": "resolve", "note": "Done"}),
    "POST /service-requests/<service_request>/work": Call(WORK),
    "POST /service-requests/<service_request>/work/preview": Call(WORK),
    "POST /service-requests/<service_request>/work/recalculate": Call(
        {"reason": "Agreed"}, prepares=OLD_ENTRY
    ),
    "POST /service-requests/<service_request>/work/recalculate/preview": Call(),
    "PATCH /settings": Call({"auto_close_days": 9}),
    "POST /settings/logo": Call({"content": LOGO}),
    "DELETE /settings/logo": Call(),
    "POST /settings/preview": Call({"work_calendar": {"holidays": ["2026-03-03"]}}),
    "DELETE /tokens/<token_id>": Call(),
    "DELETE /sessions/<session_id>": Call(),
    "POST /users": Call({"email": "new@example.com", "role": "technician", "password": "a long password"}),
    "POST /users/<user_id>/password-link": Call(),
    "POST /users/<user_id>/sign-out": Call({"revoke_api_access": True}),
    "PATCH /users/<user_id>": Call({"name": "Another", "password": "another long password"}),
    "POST /webhooks": Call({"url": "https://hooks.example/", "events": ["sla.breach"]}),
    "PATCH /webhooks/<webhook>": Call({"enabled": False}),
    "DELETE /webhooks/<webhook>": Call(),
    "POST /webhooks/<webhook>/deliveries/<delivery>/replay": Call(),
    "POST /webhooks/<webhook>/replay": Call(),
    "POST /webhooks/<webhook>/rotate-secret": Call({"overlap_hours": 1}),
    "POST /webhooks/<webhook>/test": Call(),
    "PATCH /work/<entry>": Call({"minutes": 50}),
    "DELETE /work/<entry>": Call(),
    "POST /work/<entry>/approve": Call({"reason": "Checked"}, prepares=SUBMITTED),
    "POST /work/<entry>/preview": Call({"minutes": 50}),
    "POST /work/<entry>/reject": Call({"reason": "Twice"}, prepares=SUBMITTED),
    "POST /work/approve": Call({"ids": ["{entry}"]}, prepares=SUBMITTED),
    "POST /work/approve/preview": Call({"ids": ["{entry}"]}, prepares=SUBMITTED),
    "POST /work/reject": Call({"ids": ["{entry}"], "reason": "Twice"}, prepares=SUBMITTED),
    "POST /work/reject/preview": Call({"ids": ["{entry}"]}, prepares=SUBMITTED),
}
REQUEST = "/requests/{service_request}"
RULES_EDITED = {"step": "publish", "editor_note": "New", "file:slas.json": "{edited_slas}"}
PAGES: dict[str, Call] = {
    "/bank-entries/<bank_entry_id>/assign": Call({"assign_invoices": "{number_to_pay}"}, role="finance"),
    "/bank-entries/<bank_entry_id>/set-aside": Call({"aside_reason": "Interest"}, role="finance"),
    "/accounting-exports": Call(opens="/accounting-exports?export_format=csv&to_on=2026-03-02"),
    "/bank-statements": Call(opens="/bank-statements", file="{bank_file}", role="finance"),
    "/account/password": Call(
        {
            "old_password": "{password}",
            "new_password": "{new_password}",
            "again": "{new_password}",
        }
    ),
    "/account/preferences": Call({"theme": "dark"}),
    "/account/sessions/<session_id>/end": Call(),
    "/account/sessions/end-all": Call({"tokens": "y"}),
    "/account/tokens": Call({"name": "New"}),
    "/account/tokens/<token_id>/revoke": Call(),
    "/accounting-periods/<month>/<action>": Call({"reason": "Too early"}, {"action": "reopen"}),
    "/billing/activate": Call(
        {
            "activate_time_expired_contract": "rollover",
            "activate_contract_validation": "on",
            "activate_currency": "EUR",
            "activate_time_zone": "UTC",
        },
        prepares=ASSIGN_ITEM,
    ),
    "/billing/assign": Call({"assign_owner": "customer:{ann}", "items": "{global_item}"}),
    "/billing/off": Call({"confirmed": "y"}),
    "/billing/search/<group>": Call({"requests": "{waiting}"}, {"group": "waiting"}),
    "/contracts/<contract_id>/<action_name>": Call(
        {"topup_minutes": "1:00"}, {"action_name": "top_up"}, opens="/contracts/{contract}"
    ),
    "/contracts/<contract_id>/<action_name>/effect": Call(
        {"topup_minutes": "1:00"}, {"action_name": "top_up"}
    ),
    "/contracts/<contract_id>/top-ups/<top_up_id>/<decision>": Call(
        path={"decision": "confirm"}, opens="/contracts/{contract}"
    ),
    "/contracts/<contract_id>/top-ups/<top_up_id>/confirm/effect": Call(),
    "/contracts/new": Call(
        {"type": "support_hours", "holder": "customer:{bob}", "minutes": "1:00"}, opens="/contracts/new"
    ),
    "/contracts/new/effect": Call({"type": "support_hours", "holder": "customer:{bob}", "minutes": "1:00"}),
    "/customers/<customer_id>/edit": Call({"name": "Ann Other"}, opens="/customers/{ann}/edit"),
    "/customers/<customer_id>/erasure": Call(ERASURE, EVE, opens="/customers/{eve}/erasure"),
    "/customers/<customer_id>/legal-hold": Call(
        {"hold_reason": "Case 12"}, EVE, opens="/customers/{eve}/erasure"
    ),
    "/customers/<customer_id>/legal-hold/lift": Call(
        path={"customer_id": "held"}, opens="/customers/{held}/erasure"
    ),
    "/customers/new": Call({"name": "New", "email": "new@example.com"}, opens="/customers/new"),
    "/customers/<customer_id>/personal-data/export": Call(),
    "/customers/<customer_id>/billing": Call({"city": "Bonn"}, opens="/customers/{ann}/billing"),
    "/org-units/<org_unit_id>/billing": Call({"city": "Bonn"}, opens="/org-units/{org_unit}/billing"),
    "/invoices/new": Call(
        {"party": "customer:{ann}", "line0_description": "Parts", "line0_price": "5.00"},
        opens="/invoices/new",
    ),
    "/invoices/<invoice_id>/edit": Call({"note": "Agreed"}, opens="/invoices/{draft_invoice}/edit"),
    "/invoices/<invoice_id>/<action>": Call(
        {"reason": "A mistake"}, {"action": "void"}, opens="/invoices/{draft_invoice}/void"
    ),
    "/invoices/<invoice_id>/<action>/effect": Call({"reason": "A mistake"}, {"action": "void"}),
    "/payments/<payment_id>/reverse": Call(
        {"reason": "Returned"}, opens="/payments/{payment}", role="finance"
    ),
    "/invoices/<invoice_id>/pay-online": Call(
        path=ISSUED, opens="/invoices/{issued_invoice}/pay-online", in_steps=ASKS_THE_PROVIDER
    ),
    "/payment-notices/stripe": Call(role="provider", file="{notice}"),
    "/to-invoice": Call({"party": "customer:{bob}", "tax_rate": "No tax"}),
    "/time-to-bill/draft": Call(
        {"party": "customer:{dora}", "month": "2026-03", "tax_rate": "No tax"}, opens="/time-to-bill/draft"
    ),
    "/time-to-bill/draft/effect": Call(
        {"party": "customer:{dora}", "month": "2026-03", "tax_rate": "No tax"}
    ),
    "/requests/<service_request_id>/sold-items/new": Call(
        {"description": "A cable", "unit_price": "5"}, opens=f"{REQUEST}/sold-items/new"
    ),
    "/requests/<service_request_id>/sold-items/<sold_item_id>": Call(
        {"quantity": "3"},
        {"sold_item_id": "request_sold_item"},
        opens=f"{REQUEST}/sold-items/{{request_sold_item}}",
    ),
    "/requests/<service_request_id>/sold-items/<sold_item_id>/delete": Call(
        path={"sold_item_id": "request_sold_item"}, opens=f"{REQUEST}/sold-items/{{request_sold_item}}"
    ),
    "/recurring-sales/new": Call(
        {"party": "customer:{ann}", "description": "Hosting", "unit_price": "5"}, opens="/recurring-sales/new"
    ),
    "/recurring-sales/<sale_id>/end": Call(
        {"last_on": "2026-12-31"}, opens="/recurring-sales/{recurring_sale}"
    ),
    "/to-invoice/<sold_item_id>/credit": Call(
        {"reason": "Less time"}, {"sold_item_id": "owed_item"}, opens="/to-invoice/{owed_item}/credit"
    ),
    "/to-invoice/<sold_item_id>/credit/effect": Call({"reason": "Less time"}, {"sold_item_id": "owed_item"}),
    "/to-invoice/<sold_item_id>/waive": Call({"reason": "Goodwill"}, opens="/to-invoice/{sold_item}/waive"),
    "/offers/<product_id>": Call(
        path={"product_id": "offered_product"}, opens="/offers/{offered_product}", role="customer"
    ),
    "/items/<item_id>/edit": Call({"name": "Another"}, opens="/items/{item}/edit"),
    "/items/new": Call(
        {"number": "N-1", "name": "New", "item_type": "laptop", "owner": "customer:{ann}"},
        opens="/items/new",
    ),
    "/jobs/<name>/run": Call(path={"name": "auto_close"}, in_steps="a job has a transaction for each record"),
    "/login": Call(
        {"email": "{email}", "password": "{password}"},
        role="nobody",
        in_steps="an attempt is counted before the password is checked",
    ),
    "/logout": Call(),
    "/mail-templates/<key>": Call({"subject": "Another"}, opens="/mail-templates/{template}"),
    "/mail-templates/<key>/reset": Call(),
    "/mail-templates/<key>/test": Call(),
    "/org-units/<org_unit_id>/edit": Call({"name": "Another"}, opens="/org-units/{org_unit}/edit"),
    "/org-units/new": Call({"name": "New", "code": "new"}, opens="/org-units/new"),
    "/outbox/<message_id>/again": Call(),
    "/password/forgotten": Call({"email": "{email}"}, role="nobody"),
    "/password/new": Call(
        {"link": "{link}", "new_password": "{new_password}", "again": "{new_password}"}, role="nobody"
    ),
    "/products/<product_id>/edit": Call({"label": "Another"}, opens="/products/{product}/edit"),
    "/products/<product_id>/prices": Call(
        {"amount": "2", "first_on": "2028-01-01"}, opens="/products/{product}"
    ),
    "/products/<product_id>/prices/<price_id>/end": Call(
        {"last_on": "2027-06-30"}, opens="/products/{product}/prices/{price}/end"
    ),
    "/products/<product_id>/prices/<price_id>/remove": Call(opens="/products/{product}"),
    "/products/import": Call({"file": "code,label,kind\nKM,By car,travel\n"}, opens="/products/import"),
    "/products/new": Call({"code": "KM", "label": "By car", "kind": "travel"}, opens="/products/new"),
    "/approval": Call(
        {"link": "{approval_link}", "name": "Ann", "answer": "approve"},
        opens="/approval?link={approval_link}",
        role="nobody",
    ),
    "/approvals/<approval_id>/<answer>": Call(
        {"name": "Ann", "comment": "Fine"}, {"answer": "approve"}, opens="/approvals/{approval}"
    ),
    "/requests/<service_request_id>/approvals": Call(
        {"ask_minutes": "30", "ask_reason": "The disk", "ask_key": "a key"}
    ),
    "/quote": Call(
        {"link": "{quote_link}", "name": "Ann", "decision": "accept"},
        opens="/quote?link={quote_link}",
        role="nobody",
    ),
    "/quotes/<quote_id>/<decision>": Call(
        {"comment": "Fine"}, {"quote_id": "open_quote", "decision": "accept"}, opens="/quotes/{open_quote}"
    ),
    "/quotes/<quote_id>/accept/effect": Call(path={"quote_id": "open_quote"}),
    "/quotes/<quote_id>/contracts/new": Call(
        {"type": "subscription", "holder": "customer:{ann}", "price": "10"},
        opens="/quotes/{quote}/contracts/new",
    ),
    "/reports/cost-rates": Call(
        {"whose": "role:technician", "per_hour": "30", "from_on": "2026-03-02"}, opens="/reports/cost-rates"
    ),
    "/reports/cost-rates/effect": Call(
        {"whose": "role:technician", "per_hour": "30", "from_on": "2026-03-02"}
    ),
    "/quotes/<quote_id>/edit": Call({"subject": "Another"}, opens="/quotes/{quote}/edit"),
    "/quotes/<quote_id>/lines/new": Call(
        {"description": "A visit", "unit_price": "10"}, opens="/quotes/{quote}/lines/new"
    ),
    "/quotes/<quote_id>/lines/<position>/remove": Call(path={"position": "0"}, opens="/quotes/{quote}"),
    "/quotes/<quote_id>/send": Call(opens="/quotes/{quote}"),
    "/quotes/new": Call(
        {"party": "customer:{ann}", "subject": "New", "last_on": "2027-12-31"}, opens="/quotes/new"
    ),
    "/requests/<service_request_id>/assignee": Call({"assignee_technician": "{user}"}),
    "/requests/<service_request_id>/coverage/assign": Call(
        {"assign_contract": "{ending}", "assign_extent": "now", "assign_reason": "Agreed"}
    ),
    "/requests/<service_request_id>/coverage/assign/effect": Call(
        {"assign_contract": "{ending}", "assign_extent": "now", "assign_reason": "Agreed"}
    ),
    "/requests/<service_request_id>/coverage/enable": Call(path={"service_request_id": "waiting"}),
    "/requests/<service_request_id>/coverage/remind": Call(path={"service_request_id": "waiting"}),
    "/requests/<service_request_id>/coverage/search": Call(),
    "/requests/<service_request_id>/coverage/take": Call(
        {"take_type": "per_request", "take_key": "a key"}, {"service_request_id": "waiting"}
    ),
    "/requests/<service_request_id>/edit": Call({"subject": "Another"}, opens=f"{REQUEST}/edit"),
    "/requests/<merged_id>/split": Call(
        {"reason": "Another fault", "key": "a key"}, opens="/requests/{merged}/split"
    ),
    "/requests/<service_request_id>/merge": Call({"merge_into": "{second_number}", "merge_key": "a key"}),
    "/requests/<service_request_id>/merge/effect": Call({"merge_into": "{second_number}"}),
    "/requests/<service_request_id>/moves/<trigger>": Call({"resolve_note": "Done"}, {"trigger": "resolve"}),
    "/requests/<service_request_id>/notes": Call({"note_body": "A note", "note_key": "a key"}),
    "/requests/<service_request_id>/take": Call(),
    "/requests/<service_request_id>/work": Call(
        {"work_minutes": "0:30", "work_worked_at": AT, "work_key": "a key", "work_billable": "y"}
    ),
    "/requests/<service_request_id>/work/<entry_id>": Call(
        {"minutes": "0:50"}, opens=f"{REQUEST}/work/{{entry}}"
    ),
    "/requests/<service_request_id>/work/<entry_id>/delete": Call(),
    "/requests/<service_request_id>/work/<entry_id>/preview": Call({"minutes": "0:50"}),
    "/requests/<service_request_id>/work/recalculate": Call(
        {"reason": "Agreed", "key": "a key"}, opens=f"{REQUEST}/work/recalculate", prepares=OLD_ENTRY
    ),
    "/requests/<service_request_id>/work/preview": Call({"work_minutes": "0:30", "work_worked_at": AT}),
    "/requests/<service_request_id>/work/timer/<action>": Call(path={"action": "start"}),
    "/requests/new": Call({"subject": "New", "customer": "customer:{carl}"}, opens="/requests/new"),
    "/rules/<version>/publish": Call(
        {"publish_note": "Back", "publish_based_on": "{version}"}, {"version": "old_version"}
    ),
    "/rules/closures": Call({"calendar": "{calendar}", "file": "{closures}"}, opens="/rules/closures"),
    "/rules/edit": Call(RULES_EDITED, opens="/rules/edit"),
    "/rules/proposals/<proposal_id>/approve": Call({"approve_based_on": "{version}"}),
    "/rules/proposals/<proposal_id>/reject": Call({"reject_reason": "No"}),
    "/rules/publish": Call({"publish_note": "From the folder", "publish_based_on": "{version}"}),
    "/rules/replays": Call(
        {"from_on": "2026-03-01", "to_on": "2026-03-02"},
        opens="/rules/replays",
        written_later=frozenset({"rule_replay", "rule_replay_difference"}),
        in_steps="a replay is stored when it begins, and again with its results",
    ),
    "/rules/replays/<replay_id>/cancel": Call(),
    "/sandbox/clock": Call(
        {"now": "2026-03-02T09:01"}, in_steps="each job that is due has transactions of its own"
    ),
    "/saved-filters": Call({"name": "Mine", "query": "view=all", "page": "requests"}),
    "/saved-filters/forget": Call({"name": "Mine"}),
    "/settings": Call({"auto_close_days": "9"}, opens="/settings"),
    "/settings/logo": Call({"content": b64decode(LOGO)}, opens="/settings/logo"),
    "/settings/logo/delete": Call(opens="/settings/logo"),
    "/users/<user_id>": Call({"name": "Another"}, opens="/users/{user}"),
    "/users/<user_id>/tokens/<token_id>/revoke": Call(),
    "/users/<user_id>/password-link": Call(),
    "/users/<user_id>/password-link/show": Call(),
    "/users/<user_id>/sessions/<session_id>/end": Call(),
    "/users/<user_id>/sign-out": Call({"tokens": "y"}),
    "/users/new": Call({"email": "new@example.com", "name": "New", "role": "technician"}, opens="/users/new"),
    "/webhooks/new": Call({"url": "https://hooks.example/", "events": "sla.breach"}, opens="/webhooks/new"),
    "/webhooks/<webhook_id>/edit": Call({"url": "https://hooks.example/"}, opens="/webhooks/{webhook}/edit"),
    "/webhooks/<webhook_id>/deliveries/<delivery_id>/replay": Call(),
    "/webhooks/<webhook_id>/remove": Call(),
    "/webhooks/<webhook_id>/replay": Call(),
    "/webhooks/<webhook_id>/rotate": Call({"overlap_hours": "1"}),
    "/webhooks/<webhook_id>/test": Call(),
    "/contracts/<contract_id>/statement/accept": Call(opens="/contracts/{contract}", role="customer"),
    "/disputes/<dispute_id>/accept": Call({"minutes": "0:10"}, opens="/disputes/{dispute}/accept"),
    "/disputes/<dispute_id>/accept/preview": Call({"minutes": "0:10"}),
    "/disputes/<dispute_id>/decline": Call({"reason": "As agreed"}, opens="/disputes/{dispute}/decline"),
    "/disputes/new": Call({"reason": "Not ordered"}, opens="/disputes/new?invoice_line={invoice_line}"),
    "/work-approval/approve": Call(
        {"entry": "{entry}", "key": "a key"}, opens="/work-approval/approve?entry={entry}", prepares=SUBMITTED
    ),
    "/work-approval/approve/preview": Call({"entry": "{entry}"}, prepares=SUBMITTED),
    "/work-approval/reject": Call(
        {"entry": "{entry}", "reason": "Twice", "key": "a key"},
        opens="/work-approval/reject?entry={entry}",
        prepares=SUBMITTED,
    ),
    "/work-approval/reject/preview": Call({"entry": "{entry}", "reason": "Twice"}, prepares=SUBMITTED),
}
PARTS = {
    "accounting_export": "accounting_export",
    "accounting_export_id": "accounting_export",
    "bank_entry": "bank_entry",
    "bank_entry_id": "bank_entry",
    "bank_statement": "bank_statement",
    "bank_statement_id": "bank_statement",
    "contract": "contract",
    "contract_id": "contract",
    "customer_id": "ann",
    "invoice_id": "draft_invoice",
    "item_id": "item",
    "org_unit_id": "org_unit",
    "service_request": "service_request",
    "service_request_id": "service_request",
    "merged_id": "merged",
    "dispute": "dispute",
    "dispute_id": "dispute",
    "entry": "entry",
    "entry_id": "entry",
    "payment_id": "payment",
    "period": "period",
    "month": "period",
    "product": "product",
    "product_id": "product",
    "price": "price",
    "price_id": "price",
    "approval": "approval",
    "approval_id": "approval",
    "quote": "quote",
    "quote_id": "quote",
    "proposal": "proposal",
    "proposal_id": "proposal",
    "replay": "replay",
    "replay_id": "replay",
    "message_id": "message",
    "session_id": "session",
    "recurring_sale": "recurring_sale",
    "sale_id": "recurring_sale",
    "sold_item": "sold_item",
    "sold_item_id": "sold_item",
    "token_id": "token",
    "top_up": "prepared_top_up",
    "top_up_id": "prepared_top_up",
    "user_id": "user",
    "template": "template",
    "key": "template",
    "webhook": "webhook",
    "webhook_id": "webhook",
    "delivery": "delivery",
    "delivery_id": "delivery",
}
"""Which record of the stage a part of an address names."""
