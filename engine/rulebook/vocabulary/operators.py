"""How a variable may be compared, by its type: the operators of business-rules, and of our own types.

Each negation is there by its own name, since conditions have no "not".
"""

from collections.abc import Mapping

from engine.rulebook.vocabulary.terms import Operator, ValueType

OPERATORS: Mapping[ValueType, Mapping[str, Operator]] = {
    "text": {
        operator.name: operator
        for operator in (
            Operator("equal_to", "text", "is", "The same text, letter for letter."),
            Operator("not_equal_to", "text", "is not", "Any other text, or none."),
            Operator(
                "equal_to_case_insensitive", "text", "is, in any case,", "The same text; Aa and aa are one."
            ),
            Operator("starts_with", "text", "starts with", "Begins with these letters."),
            Operator("ends_with", "text", "ends with", "Ends with these letters."),
            Operator("contains", "text", "contains", "Has these letters somewhere."),
            Operator("non_empty", "none", "is given", "There is a value at all."),
        )
    },
    "number": {
        operator.name: operator
        for operator in (
            Operator("equal_to", "number", "is", "The same number."),
            Operator("greater_than", "number", "is more than", "Above the number."),
            Operator("greater_than_or_equal_to", "number", "is at least", "The number, or above it."),
            Operator("less_than", "number", "is less than", "Below the number."),
            Operator("less_than_or_equal_to", "number", "is at most", "The number, or below it."),
        )
    },
    "yes_no": {
        operator.name: operator
        for operator in (
            Operator("is_true", "none", "is true", "Yes."),
            Operator("is_false", "none", "is false", "No."),
        )
    },
    "instant": {
        operator.name: operator
        for operator in (
            Operator("before", "point", "is before", "Earlier than the date, or than the instant."),
            Operator("on_or_before", "point", "is on or before", "On the date, at the instant, or earlier."),
            Operator("after", "point", "is after", "Later than the whole date, or than the instant."),
            Operator("on_or_after", "point", "is on or after", "On the date, at the instant, or later."),
            Operator(
                "within_days_of",
                "around",
                "is within",
                "On the date, or so many days before or after it.",
            ),
            Operator("not_within_days_of", "around", "is not within", "More days away from the date."),
            Operator("older_than", "length", "is longer ago than", "More than so long before the decision."),
            Operator("not_older_than", "length", "is not longer ago than", "So long ago, less, or to come."),
        )
    },
    "duration": {
        operator.name: operator
        for operator in (
            Operator("longer_than", "length", "is longer than", "More time than that."),
            Operator("at_least", "length", "is at least", "So much time, or more."),
            Operator("shorter_than", "length", "is shorter than", "Less time than that."),
            Operator("at_most", "length", "is at most", "So much time, or less."),
        )
    },
}
