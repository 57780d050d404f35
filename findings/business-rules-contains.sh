#!/usr/bin/env bash
# business-rules: the operator `contains` has two meanings, and only one of them minds capitals.
#
# Guess:      `contains` is one operator. If "Onsite visit" does not contain "onsite", then no variable does.
# Instead:    On a string variable it looks for a part of the text and minds upper and lower case. On a select
#             variable it looks for a whole element and does not mind them. A second surprise beside it:
#             `shares_exactly_one_element_with` counts the matches of the rule's own list, so that a list that
#             names one tag in two spellings shares "two" elements and the rule does not match.
# Version:    business-rules 1.1.1. The README lists `contains` for both types and does not say how they differ.
# Matters:    Rules decide which contract pays. An administrator who moves a rule from the text of a work type
#             to a list of work types, or back, changes whom it excludes without changing a word of it.
# Do instead: Give both types one meaning before the rules see a value: fold case of values and of the rule's
#             own words at load, and refuse a list with the same element twice. Have an example for each case.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'business-rules==1.1.1' 'six==1.17.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

from business_rules import run_all
from business_rules.actions import BaseActions, rule_action
from business_rules.variables import (
    BaseVariables, select_multiple_rule_variable, select_rule_variable, string_rule_variable,
)


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


class Work(BaseVariables):
    def __init__(self, text, elements):
        self.text, self.elements = text, elements

    @string_rule_variable()
    def work_type_text(self):
        return self.text

    @select_rule_variable()
    def work_types(self):
        return self.elements

    @select_multiple_rule_variable()
    def tags(self):
        return self.elements


class Nothing(BaseActions):
    @rule_action()
    def exclude(self):
        pass


def matches(variable, operator, value, work):
    condition = {"name": variable, "operator": operator, "value": value}
    rule = {"conditions": {"all": [condition]}, "actions": [{"name": "exclude", "params": {}}]}
    return run_all([rule], work, Nothing())


print("business-rules", version("business-rules"))
work = Work("Onsite visit", ["Onsite visit"])
show("control: string contains 'Onsite'", matches("work_type_text", "contains", "Onsite", work), True)
show("string contains 'onsite'", matches("work_type_text", "contains", "onsite", work), False)
show("select contains 'onsite VISIT'", matches("work_types", "contains", "onsite VISIT", work), True)
show("select contains 'Onsite' (a part)", matches("work_types", "contains", "Onsite", work), False)

vip = Work("", ["VIP"])
exactly_one = "shares_exactly_one_element_with"
show("control: tags VIP, rule ['vip', 'new']", matches("tags", exactly_one, ["vip", "new"], vip), True)
show("tags VIP, rule ['vip', 'VIP']", matches("tags", exactly_one, ["vip", "VIP"], vip), False)
PYTHON
