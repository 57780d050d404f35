"""Labels and descriptions of the shipped rule files, in the language of the reader.

A rule file is written in English. As long as an administrator leaves a text as it was shipped, it is shown in
the reader's language; any other is shown as it is written, and so is each one by the API.
"""

from workflows.languages.texts import gettext, mark

SHIPPED_TEXTS = frozenset(
    {
        # contract_types/
        mark("Incident pack"),
        mark("A number of service requests. Each takes one from the pack, whatever time it takes."),
        mark("Per request"),
        mark(
            "Covers one service request from the moment it is logged until it is closed, whatever time it "
            "takes."
        ),
        mark("Prepaid amount"),
        mark(
            "An amount of money, from which work is paid at the hourly rates of a rate card. An end may be "
            "set."
        ),
        mark("Subscription"),
        mark("Covers a period, whatever time the work takes."),
        mark("Support hours"),
        mark("A number of hours, used as work is done. An end may be set."),
        mark("Support hours by month"),
        mark("A number of hours for each month of a period."),
        mark("Time-limited subscription"),
        mark("Covers a period and a number of hours, whichever is over first."),
        # calendars.json
        mark("After hours"),
        mark("Weekend"),
    }
)


def rule_file_text(text: str) -> str:
    """A label or description of a rule file for whoever reads it."""
    return gettext(text) if text in SHIPPED_TEXTS else text
