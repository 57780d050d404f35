"""One call for each writing route: what it sends on the desk of `stage`, as a table.

`{name}` stands for the id of a record of the stage. A new route without a row here fails the test.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """A call of a writing route.

    `path` has the parts of its address, where they are not the stage's own. `sends` is the JSON body of the
    API, or the fields of a form that are filled in; the others are those of the page `opens`, whose address
    may be another one. `in_steps` says why it commits several times, and so may have done a part when it
    fails; sending it again completes it. `prepares` is a statement that comes before it.
    `written_later` names tables that a thread writes to after the response, and may fail to.
    """

    sends: dict[str, Any] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    opens: str = ""
    role: str = "administrator"
    in_steps: str = ""
    prepares: str = ""
    written_later: frozenset[str] = frozenset()


ASSIGN_ITEM = "UPDATE item SET owner_customer_id = '{ann}' WHERE owner_customer_id IS NULL"
OLD_ENTRY = "UPDATE work_entry SET charged_by = NULL"
"""As of a program that stored no terms: there is something to recalculate."""
WORK = {"minutes": 30, "worked_at": "2026-03-02T09:00:00Z", "note": "Looked at it"}
AT = "2026-03-02T09:00"
API: dict[str, Call] = {
    "POST /accounting-periods/<period>/close": Call({"reason": "Month end"}, {"period": "2026-02"}),
    "POST /accounting-periods/<period>/reopen": Call({"reason": "Too early"}),
    "POST /billing/activate": Call({"contract_validation": True}, prepares=ASSIGN_ITEM),
    "POST /contracts": Call({"type": "support_hours", "holder": {"customer": "{bob}"}, "minutes": 60}),
    "POST /contracts/<contract>/adjust": Call({"minutes": 30, "reason": "Goodwill"}),
    "POST /contracts/<contract>/adjust/preview": Call({"minutes": 30, "reason": "Goodwill"}),
    "POST /contracts/<contract>/amend": Call({"sla": "gold", "reason": "Agreed"}),
    "POST /contracts/<contract>/amend/preview": Call({"sla": "gold", "reason": "Agreed"}),
    "POST /contracts/<contract>/cancel": Call({"reason": "Not wanted"}),
    "POST /contracts/<contract>/cancel/preview": Call({"reason": "Not wanted"}),
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
    "POST /items": Call(
        {"number": "N-1", "name": "New", "item_type": "laptop", "owner": {"customer": "{ann}"}}
    ),
    "PATCH /items/<item_id>": Call({"name": "Another"}),
    "POST /items/assign": Call({"owner": {"customer": "{ann}"}, "items": ["{global_item}"]}),
    "POST /org-units": Call({"code": "new", "name": "New", "parent": "{org_unit}"}),
    "PATCH /org-units/<org_unit_id>": Call({"name": "Another"}),
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
    "POST /service-requests/<service_request>/notes": Call({"body": "A note", "public": True}),
    "POST /service-requests/<service_request>/transitions": Call({"trigger": "resolve", "note": "Done"}),
    "POST /service-requests/<service_request>/work": Call(WORK),
    "POST /service-requests/<service_request>/work/preview": Call(WORK),
    "POST /service-requests/<service_request>/work/recalculate": Call(
        {"reason": "Agreed"}, prepares=OLD_ENTRY
    ),
    "POST /service-requests/<service_request>/work/recalculate/preview": Call(),
    "PATCH /settings": Call({"auto_close_days": 9}),
    "POST /settings/preview": Call({"work_calendar": {"holidays": ["2026-03-03"]}}),
    "DELETE /tokens/<token_id>": Call(),
    "DELETE /sessions/<session_id>": Call(),
    "POST /users": Call({"email": "new@example.com", "role": "technician", "password": "a long password"}),
    "POST /users/<user_id>/password-link": Call(),
    "POST /users/<user_id>/sign-out": Call({"revoke_api_access": True}),
    "PATCH /users/<user_id>": Call({"name": "Another", "password": "another long password"}),
    "PATCH /work/<entry>": Call({"minutes": 50}),
    "DELETE /work/<entry>": Call(),
    "POST /work/<entry>/preview": Call({"minutes": 50}),
}
REQUEST = "/requests/{service_request}"
RULES_EDITED = {"step": "publish", "editor_note": "New", "file:slas.json": "{edited_slas}"}
PAGES: dict[str, Call] = {
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
    "/contracts/new": Call(
        {"type": "support_hours", "holder": "customer:{bob}", "minutes": "1:00"}, opens="/contracts/new"
    ),
    "/contracts/new/effect": Call({"type": "support_hours", "holder": "customer:{bob}", "minutes": "1:00"}),
    "/customers/<customer_id>/edit": Call({"name": "Ann Other"}, opens="/customers/{ann}/edit"),
    "/customers/new": Call({"name": "New", "email": "new@example.com"}, opens="/customers/new"),
    "/items/<item_id>/edit": Call({"name": "Another"}, opens="/items/{item}/edit"),
    "/items/new": Call(
        {"number": "N-1", "name": "New", "item_type": "laptop", "owner": "customer:{ann}"}, opens="/items/new"
    ),
    "/jobs/<name>/run": Call(path={"name": "auto_close"}, in_steps="a job has a transaction for each record"),
    "/login": Call(
        {"email": "{email}", "password": "{password}"},
        role="nobody",
        in_steps="an attempt is counted before the password is checked",
    ),
    "/logout": Call(),
    "/org-units/<org_unit_id>/edit": Call({"name": "Another"}, opens="/org-units/{org_unit}/edit"),
    "/org-units/new": Call({"name": "New", "code": "new"}, opens="/org-units/new"),
    "/outbox/<message_id>/again": Call(),
    "/password/forgotten": Call({"email": "{email}"}, role="nobody"),
    "/password/new": Call(
        {"link": "{link}", "new_password": "{new_password}", "again": "{new_password}"}, role="nobody"
    ),
    "/requests/<service_request_id>/assignee": Call({"assignee_technician": "{user}"}),
    "/requests/<service_request_id>/coverage/assign": Call(
        {"assign_contract": "{ending}", "assign_extent": "now", "assign_reason": "Agreed"}
    ),
    "/requests/<service_request_id>/coverage/assign/effect": Call(
        {"assign_contract": "{ending}", "assign_extent": "now", "assign_reason": "Agreed"}
    ),
    "/requests/<service_request_id>/coverage/enable": Call(path={"service_request_id": "waiting"}),
    "/requests/<service_request_id>/coverage/search": Call(),
    "/requests/<service_request_id>/coverage/take": Call(
        {"take_type": "per_request", "take_key": "a key"}, {"service_request_id": "waiting"}
    ),
    "/requests/<service_request_id>/edit": Call({"subject": "Another"}, opens=f"{REQUEST}/edit"),
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
    "/users/<user_id>": Call({"name": "Another"}, opens="/users/{user}"),
    "/users/<user_id>/tokens/<token_id>/revoke": Call(),
    "/users/<user_id>/password-link": Call(),
    "/users/<user_id>/password-link/show": Call(),
    "/users/<user_id>/sessions/<session_id>/end": Call(),
    "/users/<user_id>/sign-out": Call({"tokens": "y"}),
    "/users/new": Call({"email": "new@example.com", "name": "New", "role": "technician"}, opens="/users/new"),
}
PARTS = {
    "contract": "contract",
    "contract_id": "contract",
    "customer_id": "ann",
    "item_id": "item",
    "org_unit_id": "org_unit",
    "service_request": "service_request",
    "service_request_id": "service_request",
    "entry": "entry",
    "entry_id": "entry",
    "period": "period",
    "month": "period",
    "proposal": "proposal",
    "proposal_id": "proposal",
    "replay": "replay",
    "replay_id": "replay",
    "message_id": "message",
    "session_id": "session",
    "token_id": "token",
    "user_id": "user",
}
"""Which record of the stage a part of an address names."""
