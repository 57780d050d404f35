"""The vocabulary of the rule files: every variable and action that a file may use.

This is the only place where they are declared. The checker allows these names and no others; the classes that
business-rules works on, the JSON Schemas and the reference in rules/README.md are generated from them.

Labels are part of the reasons stored with decisions, which are compared when decisions are verified: changing
a label makes stored decisions differ.
"""

from engine.contracts import HOLDER_KINDS, PENDING_REASONS
from engine.facts import STANDINGS, WEEKDAYS
from engine.rulebook.vocabulary.terms import Action, Param, Variable, Vocabulary
from engine.service_requests import PRIORITIES

MAX_MINUTES = 10_000_000
MAX_MINOR = 10**12
LARGEST_NUMBER = 10**12


def _by_name(*variables: Variable) -> dict[str, Variable]:
    return {variable.name: variable for variable in variables}


COVERAGE_VARIABLES = _by_name(
    Variable(
        "contract_validation", "yes_no", "request", "contract validation",
        "Whether the desk requires a valid contract before work starts (a setting).",
        True, "contract_validation",
    ),
    Variable(
        "priority", "text", "request", "priority",
        "How urgent the service request is.",
        "critical", "priority", options=PRIORITIES,
    ),
    Variable(
        "work_type", "text", "request", "work type",
        "The kind of work requested, one of the desk's work types; empty if not given.",
        "on_site", "work_type", may_be_empty=True,
    ),
    Variable(
        "channel", "text", "request", "channel",
        "How the service request was received, such as portal, mail or phone; empty if not given.",
        "phone", "channel", may_be_empty=True,
    ),
    Variable(
        "has_item", "yes_no", "request", "has an item",
        "Whether the service request is about an item.",
        True, "item", is_presence=True,
    ),
    Variable(
        "item_type", "text", "request", "item type",
        "The type of the item; empty without an item.",
        "printer", "item_type", may_be_empty=True,
    ),
    Variable(
        "has_org_unit", "yes_no", "request", "has an org unit",
        "Whether the service request belongs to an org unit.",
        True, "org_unit", is_presence=True,
    ),
    Variable(
        "customer", "text", "request", "customer",
        "The id of the customer, as in the address of the customer's page.",
        "c-100", "customer",
    ),
    Variable(
        "item", "text", "request", "item",
        "The id of the item; empty without an item.",
        "i-100", "item", may_be_empty=True,
    ),
    Variable(
        "org_unit", "text", "request", "org unit",
        "The id of the org unit that the service request belongs to; empty without one.",
        "o-100", "org_unit", may_be_empty=True,
    ),
    Variable(
        "logged_at", "instant", "request", "time of logging",
        "When the service request was logged; if it is not logged yet, the instant of the decision.",
        "2026-12-31", "logged",
    ),
    Variable(
        "logged_weekday", "text", "request", "weekday of logging",
        "The day of the week on which it was logged, in the desk's time zone.",
        "saturday", "logged_weekday", options=WEEKDAYS, is_derived=True,
    ),
    Variable(
        "logged_hour", "number", "request", "hour of logging",
        "The hour, 0 to 23, in which it was logged, in the desk's time zone.",
        18, "logged_hour", is_derived=True, maximum=23,
    ),
    Variable(
        "request_age", "duration", "request", "age of the request",
        "How long ago the service request was logged.",
        {"hours": 4}, "logged", is_derived=True,
    ),
    Variable(
        "contract_holder", "text", "contract", "contract holder",
        "The kind of holder that the contract covers.",
        "item", "holder_kind", options=HOLDER_KINDS,
    ),
    Variable(
        "contract_standing", "text", "contract", "contract standing",
        "valid: in force for this service request. pending: not active yet. "
        "ended: expired, cancelled or used up. excluded: in force, but not for this kind of request.",
        "valid", "standing", options=STANDINGS,
    ),
    Variable(
        "contract_pending_reason", "text", "contract", "what the contract waits for",
        "What a pending contract is waiting for; empty if it is not pending.",
        "awaiting_start", "pending_reason",
        options=PENDING_REASONS, may_be_empty=True,
    ),
    Variable(
        "contract_type", "text", "contract", "contract type",
        "The key of the contract's type: the name of its file in contract_types/.",
        "support_hours", "type",
    ),
    Variable(
        "contract_number", "text", "contract", "contract number",
        "The number of the contract.",
        "SH-0012", "number",
    ),
    Variable(
        "contract_minutes_available", "number", "contract", "minutes left",
        "Whole minutes that can still be drawn from the contract; 0 if it has none.",
        60, "minutes_available",
    ),
    Variable(
        "contract_incidents_available", "number", "contract", "incidents left",
        "Incidents that can still be drawn from the contract; 0 if it has none.",
        1, "incidents_available",
    ),
    Variable(
        "contract_money_available", "number", "contract", "money left",
        "Minor units of money that can still be drawn from the contract; 0 if it has none.",
        10000, "money_available",
    ),
    Variable(
        "contract_holds_incident", "yes_no", "contract", "an incident is held for this request",
        "Whether the contract already holds an incident for this service request.",
        True, "own_incident_held",
    ),
    Variable(
        "contract_has_end", "yes_no", "contract", "contract has an end",
        "Whether the contract has an end date.",
        True, "expires_at", is_presence=True,
    ),
    Variable(
        "org_unit_distance", "number", "contract", "distance of the org unit",
        "How far the holding org unit is from the customer: 1 for the nearest, more for those above it, "
        "0 for a contract that is not held by an org unit.",
        1, "distance",
    ),
    Variable(
        "contract_created_at", "instant", "contract", "making of the contract",
        "When the contract was created.",
        "2026-12-31", "created_at", is_derived=True,
    ),
    Variable(
        "contract_starts_at", "instant", "contract", "start of the contract",
        "When the contract starts: at the beginning of its first day.",
        "2026-12-31", "starts_at", is_derived=True,
    ),
    Variable(
        "contract_ends_on", "instant", "contract", "end of the contract",
        "The last instant of the contract, on its last day; a contract without an end is after every date.",
        "2026-12-31", "last_instant", may_be_empty=True, is_derived=True,
    ),
    Variable(
        "contract_age", "duration", "contract", "age of the contract",
        "How long ago the contract started; negative before its start.",
        {"days": 30}, "starts_at", is_derived=True,
    ),
    Variable(
        "contract_time_left", "duration", "contract", "time left of the contract",
        "The time until the contract ends; unlimited if it has no end.",
        {"days": 30}, "expires_at", may_be_empty=True, is_ahead=True, is_derived=True,
    ),
)  # fmt: skip

CONTRACT_TYPE_VARIABLES = _by_name(
    Variable(
        "within_period", "yes_no", "contract", "within its period",
        "Whether the contract has started and not ended; a contract without an end never leaves its period.",
        True, "within_period",
    ),
    Variable(
        "period_over", "yes_no", "contract", "period over",
        "Whether the contract's end has passed; always false without an end.",
        False, "period_over",
    ),
    Variable(
        "minutes_available", "number", "contract", "minutes left",
        "Whole minutes that can still be drawn.",
        60, "minutes_available",
    ),
    Variable(
        "incidents_available", "number", "contract", "incidents left",
        "Incidents that can still be drawn.",
        1, "incidents_available",
    ),
    Variable(
        "money_available", "number", "contract", "money left",
        "Minor units of money that can still be drawn.",
        10000, "money_available",
    ),
    Variable(
        "incidents_held", "number", "contract", "incidents held",
        "Incidents held for service requests that are not closed yet.",
        1, "incidents_held",
    ),
    Variable(
        "own_incident_held", "yes_no", "contract", "an incident is held for this request",
        "Whether an incident is held for the service request being decided.",
        True, "own_incident_held",
    ),
    Variable(
        "service_request_closed", "yes_no", "contract", "service request closed",
        "Whether the service request that holds the contract is closed.",
        False, "service_request_closed",
    ),
)  # fmt: skip

CHARGING_VARIABLES = _by_name(
    Variable(
        "work_type", "text", "work", "work type",
        "The kind of work done, one of the desk's work types; empty if not given.",
        "travel", "work_type", may_be_empty=True,
    ),
    Variable(
        "priority", "text", "work", "priority",
        "How urgent the service request is.",
        "critical", "priority", options=PRIORITIES,
    ),
    Variable(
        "role", "text", "work", "role",
        "The role of the person who worked; empty if not given.",
        "technician", "role", may_be_empty=True,
    ),
    Variable(
        "channel", "text", "work", "channel",
        "How the service request was received; empty if not given.",
        "phone", "channel", may_be_empty=True,
    ),
    Variable(
        "worked_weekday", "text", "work", "weekday of the work",
        "The day of the week on which the work started, in the desk's time zone.",
        "saturday", "worked_weekday", options=WEEKDAYS, may_be_empty=True,
    ),
    Variable(
        "worked_hour", "number", "work", "hour of the work",
        "The hour, 0 to 23, in which the work started, in the desk's time zone.",
        18, "worked_hour", maximum=23,
    ),
    Variable(
        "item_type", "text", "work", "item type",
        "The type of the service request's item; empty without an item.",
        "printer", "item_type", may_be_empty=True,
    ),
    Variable(
        "calendars", "names", "work", "calendars",
        "The calendars of calendars.json that the time is in. Work is cut where one begins or ends.",
        "after_hours", "calendars",
    ),
)  # fmt: skip

COVERAGE_ACTIONS = {
    action.name: action
    for action in (
        Action("cover_with", "Cover with the contract", "The contract covers the service request.", True),
        Action(
            "wait_for", "Wait for the contract",
            "The service request waits until the contract becomes valid, and then opens automatically.", True,
        ),
        Action(
            "create_contract", "Create a contract",
            "A contract is created for the service request, which waits until it is paid for or enabled.",
            params=(
                Param("type", "contract_type", "A type a request may hold.", "per_request", required=True),
                Param("enable", "yes_no", "true enables it at once.", False),
                Param("price_minor", "number", "Its price, in the minor unit.", 12500, maximum=MAX_MINOR),
                Param("duration_months", "number", "How many months it runs.", 12, minimum=1, maximum=1200),
                Param("minutes", "number", "Minutes granted.", 600, minimum=1, maximum=MAX_MINUTES),
                Param("incidents", "number", "Incidents granted.", 5, minimum=1, maximum=MAX_MINUTES),
                Param("money_minor", "number", "Money granted.", 50000, minimum=1, maximum=MAX_MINOR),
                Param("sla", "sla", "Its service level, an id of slas.json.", "standard"),
                Param("time_expired", "time_expired", "What happens to time it cannot pay for.", "ignore"),
                Param(
                    "overage_rate_minor", "number", "Price of an overage hour.", 9000,
                    minimum=1, maximum=MAX_MINOR,
                ),
            ),
        ),
        Action(
            "offer_contracts", "Offer contracts",
            "The service request waits until one of these types is chosen.",
            params=(
                Param("types", "contract_types", "The types offered.", ["incident_pack"], required=True),
            ),
        ),
        Action(
            "refuse", "Refuse",
            "The service request cannot be logged.",
            params=(Param("message", "text", "The message to the customer.", "Please call.", required=True),),
        ),
        Action("leave_uncovered", "Leave uncovered", "The service request opens without a contract."),
    )
}  # fmt: skip

CHARGING_ACTIONS = {
    action.name: action
    for action in (
        Action(
            "charge_percent", "Charge in percent",
            "The worked minutes are charged at this percentage: 150 for time and a half.",
            params=(Param("percent", "number", "Percent of the minutes.", 150, required=True, maximum=1000),),
        ),
        Action("do_not_charge", "Do not charge", "The work is recorded but not charged."),
        Action(
            "exclude", "Exclude from the contract",
            "The covering contract does not pay for the work. next_contract: the contract that coverage "
            "would choose next pays, and what it lacks is billed if the covering contract bills expired "
            "time, otherwise recorded as uncovered. bill: it is billed. free: it is recorded as uncovered.",
            params=(
                Param("then", "excluded_time", "What becomes of the time.", "next_contract", required=True),
                Param("percent", "number", "Percent of the minutes; 100 if left out.", 150, maximum=1000),
            ),
        ),
    )
}  # fmt: skip

RATE_ACTIONS = {
    action.name: action
    for action in (
        Action(
            "charge_rate", "Charge at an hourly rate",
            "An hour of the work costs this much.",
            params=(
                Param(
                    "per_hour_minor", "number", "Price of an hour, in the minor unit.", 12000,
                    required=True, minimum=1, maximum=MAX_MINOR,
                ),
                Param("first_day", "day", "The first day of work that it is for.", "2026-01-01"),
                Param("last_day", "day", "The last day of work that it is for.", "2026-12-31"),
            ),
        ),
    )
}  # fmt: skip

SCOPE_VARIABLES = {name: one for name, one in CHARGING_VARIABLES.items() if one.type != "names"}
"""Without the calendars: work is cut where one begins or ends that a rule names, not a scope."""

INVOICE_VARIABLES = _by_name(
    Variable(
        "total_minor", "number", "invoice", "total",
        "What the invoice amounts to with tax, in the minor unit of its currency.",
        500_000, "total_minor",
    ),
    Variable(
        "currency", "text", "invoice", "currency",
        "The currency of the invoice, as the three letters of ISO 4217.",
        "EUR", "currency",
    ),
    Variable(
        "percent_of_usual", "number", "invoice", "percent of the usual",
        "The total in percent of what the customer’s last issued invoices in the currency, up to twelve, "
        "amount to on average, rounded down; 0 with fewer than three.",
        300, "percent_of_usual",
    ),
    Variable(
        "has_overage", "yes_no", "invoice", "has time beyond contracts",
        "Whether it bills time that no contract paid.",
        True, "has_overage",
    ),
    Variable(
        "has_unapproved_overage", "yes_no", "invoice", "has time beyond contracts without approval",
        "Whether it bills time that no contract paid, of work entries that no supervisor has approved.",
        True, "has_unapproved_overage",
    ),
)  # fmt: skip

INVOICE_ACTIONS = {
    action.name: action
    for action in (
        Action(
            "require_confirmation", "Require a confirmation",
            "The invoice is not issued before finance has confirmed it with a reason.",
        ),
    )
}  # fmt: skip

COVERAGE = Vocabulary("coverage", COVERAGE_VARIABLES, COVERAGE_ACTIONS)
CHARGING = Vocabulary("charging", CHARGING_VARIABLES, CHARGING_ACTIONS)
RATES = Vocabulary("rate", CHARGING_VARIABLES, RATE_ACTIONS)
SCOPE = Vocabulary("scope", SCOPE_VARIABLES, {})
CONTRACT_TYPE = Vocabulary("contract type", CONTRACT_TYPE_VARIABLES, {})
INVOICE_CHECK = Vocabulary("invoice check", INVOICE_VARIABLES, INVOICE_ACTIONS)
