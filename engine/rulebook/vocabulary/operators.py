"""How a variable may be compared, by type: the operators of business-rules and of our own types.

Each negation is an operator of its own, since conditions have no "not".
"""

from collections.abc import Mapping

from engine.rulebook.vocabulary.terms import Operator, ValueType

OPERATORS: Mapping[ValueType, Mapping[str, Operator]] = {
    "text": {
        operator.name: operator
        for operator in (
            Operator("equal_to", "text", "is", "Exactly the same text."),
            Operator("not_equal_to", "text", "is not", "Any other text, or empty."),
            Operator(
                "equal_to_case_insensitive", "text", "is, in any case,", "The same text, ignoring case."
            ),
            Operator("starts_with", "text", "starts with", "Starts with this text."),
            Operator("ends_with", "text", "ends with", "Ends with this text."),
            Operator("contains", "text", "contains", "Contains this text."),
            Operator("non_empty", "none", "is given", "The value is not empty."),
        )
    },
    "number": {
        operator.name: operator
        for operator in (
            Operator("equal_to", "number", "is", "The same number."),
            Operator("greater_than", "number", "is more than", "Greater than the number."),
            Operator("greater_than_or_equal_to", "number", "is at least", "The number or greater."),
            Operator("less_than", "number", "is less than", "Less than the number."),
            Operator("less_than_or_equal_to", "number", "is at most", "The number or less."),
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
            Operator("before", "point", "is before", "Earlier than the date or instant."),
            Operator(
                "on_or_before", "point", "is on or before", "On the date or at the instant, or earlier."
            ),
            Operator("after", "point", "is after", "Later than the end of the date, or than the instant."),
            Operator("on_or_after", "point", "is on or after", "On the date or at the instant, or later."),
            Operator(
                "within_days_of",
                "around",
                "is within",
                "On the date, or at most this many days before or after it.",
            ),
            Operator(
                "not_within_days_of",
                "around",
                "is not within",
                "More than this many days before or after the date.",
            ),
            Operator(
                "older_than", "length", "is longer ago than", "More than this long before the decision."
            ),
            Operator(
                "not_older_than",
                "length",
                "is not longer ago than",
                "At most this long before the decision, or in the future.",
            ),
        )
    },
    "names": {
        operator.name: operator
        for operator in (
            Operator("contains", "text", "include", "The name is among them."),
            Operator("does_not_contain", "text", "do not include", "The name is not among them."),
        )
    },
    "duration": {
        operator.name: operator
        for operator in (
            Operator("longer_than", "length", "is longer than", "More than this length of time."),
            Operator("at_least", "length", "is at least", "This length of time or more."),
            Operator("shorter_than", "length", "is shorter than", "Less than this length of time."),
            Operator("at_most", "length", "is at most", "This length of time or less."),
        )
    },
}
