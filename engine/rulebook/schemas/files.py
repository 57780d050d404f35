"""The JSON Schema of each kind of rule file."""

import json
from collections.abc import Mapping

from engine.calendars import DAY_NAMES
from engine.contracts import ALLOCATIONS, DRAWS, EXCLUDED_TIME, HOLDER_KINDS, LIMITS, ON_EXPIRY
from engine.rulebook.compiled.rank import RANK_CRITERIA
from engine.rulebook.files.contract_type_file import LIMIT_USES, OPTIONAL, PREFIX, REQUIRED
from engine.rulebook.files.coverage_examples import CONTRACT_KEYS, DATES
from engine.rulebook.files.rate_card_file import CURRENCY
from engine.rulebook.files.rule_reader import ID, MAX_TEXT
from engine.rulebook.schemas.conditions import condition_definitions, rule_schema
from engine.rulebook.schemas.parts import (
    NAME_PATTERN,
    YES_NO,
    Schema,
    date_of,
    file_of,
    list_of,
    number_of,
    object_of,
    of_scope,
    one_of,
    or_null,
    text_of,
    value_of,
)
from engine.rulebook.vocabulary.dates_and_durations import INSTANT
from engine.rulebook.vocabulary.registry import (
    CHARGING,
    CONTRACT_TYPE,
    COVERAGE,
    INVOICE_CHECK,
    MAX_MINOR,
    MAX_MINUTES,
    RATES,
)
from engine.service_requests import OUTCOMES, PRIORITIES
from engine.sla import SLA_CALENDARS


def schema_texts() -> Mapping[str, str]:
    """The text of each schema file, by its file name in `rules/schema/`."""
    schemas = {
        "coverage.schema.json": _coverage(),
        "charging.schema.json": _charging(),
        "contract_type.schema.json": _contract_type(),
        "slas.schema.json": _slas(),
        "calendars.schema.json": _calendars(),
        "rate_card.schema.json": _rate_card(),
        "invoice_checks.schema.json": _invoice_checks(),
    }
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def _coverage() -> Schema:
    request = [one for one in of_scope(COVERAGE, "request") if not one.is_derived]
    contract = [one for one in of_scope(COVERAGE, "contract") if not one.is_derived]
    instant = {"type": "string", "pattern": f"^{INSTANT.pattern}$"}
    decision = object_of(
        {
            "outcome": one_of(OUTCOMES, "The outcome for the service request."),
            "rule": or_null(text_of(MAX_TEXT, "The id of the rule that decides; null if none matches.")),
            "contract": or_null(
                text_of(MAX_TEXT, "The id, in this example, of the contract that covers or is waited for.")
            ),
        },
        ["outcome", "rule"],
        "The decision that the rules must make.",
    )
    contracts = {
        "id": text_of(MAX_TEXT, "A name for the contract in this example."),
        **{name: date_of(f"The date the contract {name.replace('_on', '')} on") for name in DATES},
        **{variable.name: value_of(variable) for variable in contract},
    }
    example = object_of(
        {
            "name": text_of(MAX_TEXT, "What the example shows."),
            "facts": object_of(
                {
                    **{variable.name: value_of(variable) for variable in request},
                    "at": {**instant, "description": "The instant of the decision."},
                    "time_zone": text_of(60, "The desk's time zone, such as Europe/Berlin."),
                },
                (),
                "The service request.",
            ),
            "contracts": list_of(object_of(contracts, CONTRACT_KEYS), "The contracts found."),
            "decision": decision,
        },
        ["name", "facts", "decision"],
    )
    return file_of(
        "Coverage rules",
        "Which contract covers a service request: rules in order, the first match decides.",
        {
            "name": text_of(MAX_TEXT, "What the rules are called on the pages."),
            "rank": list_of(
                one_of(RANK_CRITERIA, "The contract that comes first."),
                "The order of contracts at the same distance; remaining ties are broken by id.",
            ),
            "rules": list_of(rule_schema(COVERAGE), "Evaluated in this order; the first match decides."),
            "examples": list_of(example, "Run whenever the file is loaded; one that fails refuses the file."),
        },
        ["rules"],
        condition_definitions(COVERAGE),
    )


def _charging() -> Schema:
    example = object_of(
        {
            "name": text_of(MAX_TEXT, "What the example shows."),
            "facts": object_of(
                {one.name: value_of(one) for one in CHARGING.variables.values()}, (), "The work."
            ),
            "charge": object_of(
                {
                    "percent": number_of(0, 1000, "Percent of the worked minutes that are charged."),
                    "rule": or_null(
                        text_of(MAX_TEXT, "The id of the rule that decides; null if none matches.")
                    ),
                    "excluded": or_null(
                        one_of(EXCLUDED_TIME, "What becomes of time that the rule excludes; null if none.")
                    ),
                },
                ["percent", "rule"],
            ),
        },
        ["name", "facts", "charge"],
    )
    return file_of(
        "Charging rules",
        "How much of the worked time is charged: the first match decides; without one, all of it.",
        {
            "name": text_of(MAX_TEXT, "What the rules are called on the pages."),
            "rules": list_of(rule_schema(CHARGING), "Evaluated in this order; the first match decides."),
            "examples": list_of(example, "Run whenever the file is loaded; one that fails refuses the file."),
        },
        ["rules"],
        condition_definitions(CHARGING),
    )


def _invoice_checks() -> Schema:
    example = object_of(
        {
            "name": text_of(MAX_TEXT, "What the example shows."),
            "facts": object_of(
                {one.name: value_of(one) for one in INVOICE_CHECK.variables.values()}, (), "The invoice."
            ),
            "reasons": list_of(text_of(MAX_TEXT), "The ids of all rules that match, in their order."),
        },
        ["name", "facts", "reasons"],
    )
    return file_of(
        "Checks of invoices",
        "Which drafts are unusual: each rule that matches is a reason for finance to confirm it first.",
        {
            "name": text_of(MAX_TEXT, "What the checks are called on the pages."),
            "rules": list_of(rule_schema(INVOICE_CHECK), "All are evaluated."),
            "examples": list_of(example, "Run whenever the file is loaded; one that fails refuses the file."),
        },
        ["rules"],
        condition_definitions(INVOICE_CHECK),
    )


def _contract_type() -> Schema:
    conditions = {"$ref": "#/$defs/conditions"}
    properties = {
        "key": {"type": "string", "pattern": NAME_PATTERN, "description": "The same as the file's name."},
        "label": text_of(60, "What the type is called on the pages."),
        "description": text_of(1000, "What it covers, for people who choose it."),
        "number_prefix": {
            "type": "string",
            "pattern": f"^{PREFIX.pattern}$",
            "description": "The prefix of its contracts' numbers; unique.",
        },
        "held_by": list_of(one_of(HOLDER_KINDS), "Who may hold it."),
        "limits": object_of(
            {limit: one_of(LIMIT_USES) for limit in LIMITS},
            (),
            "What limits it; a limit left out means none.",
        ),
        "defaults": object_of(
            {
                "duration_months": or_null(number_of(1, 1200, "How many months it runs.")),
                "minutes": or_null(number_of(1, MAX_MINUTES, "Minutes granted; per month if monthly.")),
                "incidents": or_null(number_of(1, MAX_MINUTES, "Incidents granted.")),
                "money": or_null(number_of(1, MAX_MINOR, "Money granted, in the currency's minor unit.")),
                "price_minor": or_null(number_of(0, MAX_MINOR, "Its price, in the currency's minor unit.")),
                "sla": or_null({"type": "string", "description": "An id of slas.json."}),
            },
            (),
            "The terms of a contract unless the seller gives others.",
        ),
        "draws": one_of(DRAWS, "What service requests and their work draw from it."),
        "allocation": one_of(ALLOCATIONS, "Whether minutes are granted once or each month."),
        "carry_over": or_null(
            object_of(
                {
                    "months": number_of(1, 120, "How many further months it lives."),
                    **_caps("of a month's rest that are retained"),
                },
                ["months"],
                "What is retained of a month at its end: what is left, up to a cap. Without it, it expires.",
            )
        ),
        "borrow": or_null(
            object_of(
                _caps("of the next month that a month may draw ahead"),
                (),
                "What a month that is used up draws ahead on the next one of the period; one of the caps.",
            )
        ),
        "exhaustion_alert_days": or_null(
            number_of(
                0,
                365,
                "How many days before it is likely to be used up people are warned; 0: not at all. "
                "Without it, the setting decides.",
            )
        ),
        "valid_when": {**conditions, "description": "When it can cover."},
        "expires_when": {**conditions, "description": "When it has ended."},
        "on_expiry": one_of(ON_EXPIRY, "time_expired: according to the contract or the setting."),
        "examples": list_of(
            object_of(
                {
                    "name": text_of(MAX_TEXT, "What the example shows."),
                    "facts": object_of({one.name: value_of(one) for one in CONTRACT_TYPE.variables.values()}),
                    "valid": YES_NO,
                    "ended": YES_NO,
                },
                ["name", "facts", "valid", "ended"],
            ),
            "Run whenever the file is loaded; one that fails refuses the file.",
        ),
    }
    optional = [key for key in OPTIONAL if key != "$schema"]
    assert set(properties) == {*REQUIRED, *optional}, "the schema has the checker's keys"
    return file_of(
        "Contract type",
        "A type of contract for sale: who may hold it, what limits it, when it is valid and when it ends.",
        properties,
        REQUIRED,
        condition_definitions(CONTRACT_TYPE),
    )


def _caps(of_what: str) -> dict[str, Schema]:
    return {
        "cap_minutes": or_null(number_of(1, MAX_MINUTES, f"The most minutes {of_what}.")),
        "cap_percent": or_null(
            number_of(1, 100, f"The most minutes {of_what}, in percent of the month's allocation.")
        ),
    }


def _rate_card() -> Schema:
    rate = object_of(
        {
            "per_hour_minor": number_of(1, MAX_MINOR, "Price of an hour, in the minor unit."),
            "rule": text_of(MAX_TEXT, "The id of the rule that decides."),
        },
        ["per_hour_minor", "rule"],
    )
    example = object_of(
        {
            "name": text_of(MAX_TEXT, "What the example shows."),
            "facts": object_of(
                {one.name: value_of(one) for one in RATES.variables.values()}, (), "The work."
            ),
            "day": date_of("The day of the work"),
            "rate": or_null({**rate, "description": "The rate that the rules must give; null if none."}),
        },
        ["name", "facts", "rate"],
    )
    return file_of(
        "Rate card",
        "What an hour of work costs: the first rule that matches on its days; without one, it has no price.",
        {
            "label": text_of(60, "What the card is called on the pages."),
            "currency": {
                "type": "string",
                "pattern": f"^{CURRENCY.pattern}$",
                "description": "The currency of its prices, by ISO 4217: that of the desk.",
            },
            "rules": list_of(rule_schema(RATES), "Evaluated in this order; the first match decides."),
            "examples": list_of(example, "Run whenever the file is loaded; one that fails refuses the file."),
        },
        ["label", "currency", "rules"],
        condition_definitions(RATES),
    )


def _calendars() -> Schema:
    time = {"type": "string", "pattern": "^[0-9]{1,2}:[0-5][0-9]$"}
    hours = list_of(
        {"type": "array", "minItems": 2, "maxItems": 2, "items": time},
        "Pairs of opening and closing times; a closing that is not later is on the next day. Empty: closed.",
    )
    instant = {"type": "string", "pattern": f"^{INSTANT.pattern}$"}
    holiday = object_of(
        {
            "country": text_of(60, "The country, by its two letters of ISO 3166-1."),
            "subdivision": text_of(60, "The region, by its letters of ISO 3166-2."),
            "categories": {
                **list_of(text_of(60), "Categories of the holiday data; public if left out."),
                "minItems": 1,
            },
            "hours": hours,
        },
        ["country"],
        "Holidays from the package holidays, and the hours of these days.",
    )
    closure = object_of(
        {
            "from": {**instant, "description": "When it begins, with offset."},
            "to": {**instant, "description": "When it ends, with offset."},
            "summary": {"type": "string", "maxLength": MAX_TEXT, "description": "What it is for."},
        },
        ["from", "to"],
    )
    calendar = object_of(
        {
            "id": {
                "type": "string",
                "pattern": f"^{ID.pattern}$",
                "description": "The name that rules refer to; unique.",
            },
            "label": text_of(60, "What it is called on the pages."),
            "weekly": object_of(dict.fromkeys(DAY_NAMES, hours), (), "The hours of each day of the week."),
            "dates": {
                "type": "object",
                "additionalProperties": hours,
                "propertyNames": {"format": "date"},
                "description": "The hours of single dates, in place of all others.",
            },
            "holidays": list_of(holiday, "The first that has a day gives its hours."),
            "closures": list_of(closure, "Spans without hours, such as those of an imported calendar file."),
        },
        ["id", "label"],
    )
    facts = object_of(
        {"calendar": {"type": "string"}, "at": instant, "time_zone": {"type": "string"}}, ["calendar", "at"]
    )
    example = object_of(
        {"name": text_of(MAX_TEXT), "facts": facts, "open": YES_NO}, ["name", "facts", "open"]
    )
    return file_of(
        "Calendars",
        "The hours that charging and rate rules and service levels name. "
        "Days are those of the provider's time zone.",
        {
            "name": text_of(MAX_TEXT, "The name of this set of calendars."),
            "calendars": list_of(calendar, "The calendars that rules and service levels may name."),
            "examples": list_of(example, "Checked whenever the file is loaded."),
        },
        ["calendars"],
        {},
    )


def _slas() -> Schema:
    target = object_of(
        {
            "response_minutes": number_of(1, MAX_MINUTES, "Minutes until the first response."),
            "resolution_minutes": number_of(1, MAX_MINUTES, "Minutes until the resolution."),
        },
        ["response_minutes", "resolution_minutes"],
    )
    level = object_of(
        {
            "id": {
                "type": "string",
                "pattern": f"^{ID.pattern}$",
                "description": "The name that contracts refer to; unique.",
            },
            "label": text_of(60, "What it is called on the pages."),
            "calendar": {
                "type": "string",
                "pattern": f"^{ID.pattern}$",
                "description": "The hours during which its minutes count: "
                f"{' or '.join(SLA_CALENDARS)}, or an id of calendars.json.",
            },
            "targets": object_of(dict.fromkeys(PRIORITIES, target), PRIORITIES),
            "warning": {
                **object_of(
                    {
                        "percent": number_of(1, 99, "How much of a target's minutes have counted."),
                        "minutes_before": number_of(
                            1, MAX_MINUTES, "Working minutes before a target is due."
                        ),
                    },
                    (),
                    "When people are warned of a target that is close; left out, they are not.",
                ),
                "minProperties": 1,
                "maxProperties": 1,
            },
        },
        ["id", "label", "calendar", "targets"],
    )
    facts = {"sla": {"type": "string"}, "priority": one_of(PRIORITIES)}
    example = object_of(
        {
            "name": text_of(MAX_TEXT),
            "facts": object_of(facts, ["sla", "priority"]),
            "targets": target,
        },
        ["name", "facts", "targets"],
    )
    return file_of(
        "Service levels",
        "How soon a service request is answered and resolved, by priority.",
        {
            "name": text_of(MAX_TEXT, "The name of this set of service levels."),
            "slas": list_of(level, "The service levels that contracts may use."),
            "examples": list_of(example, "Checked whenever the file is loaded."),
        },
        ["slas"],
        {},
    )
