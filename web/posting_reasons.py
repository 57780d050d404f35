"""The stored texts of postings, which are in English, in the language of whoever reads a statement.

Texts that people typed, such as the reason of an adjustment, are as they were written.
"""

import re
from datetime import date

from web.languages import gettext, mark
from workflows.languages.formats import day_text

FIXED = frozenset(
    {
        mark("Sold with the contract"),
        mark("Topped up"),
        mark("Topped up automatically"),
        mark("Allocation"),
        mark("Adjustment"),
        mark("Time carried over from before this contract"),
        mark("Time carried over from earlier months"),
        mark("Work approved"),
        mark("The draw-down was corrected"),
        mark("The work was not approved"),
        mark("Expired unused"),
        mark("The end of the contract was moved"),
        mark("Worked before the grant expired, logged afterwards"),
        mark("The grant had expired when it was withdrawn"),
        mark("Held when the service request was covered"),
        mark("Reopened within the window"),
        mark("The service request was closed"),
        mark("No longer covered by this contract"),
        mark("Credit used"),
        mark("Credit no longer used"),
        mark("Renewed ahead of its end"),
        mark("Not taken up"),
        mark("Closed automatically"),
        mark("reopened past the window"),
        mark("Nothing is left to be billed: the work was corrected"),
    }
)
_REQUEST = r"(?P<number>\S+|another service request)"
_TIME = r"(?P<time>[\d:.,]+)"
_MONTH = r"(?P<month>\d{4}-\d\d)"
PATTERNS = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (rf"Work on {_REQUEST}", mark("Work on %(number)s")),
        (
            rf"Work on {_REQUEST}: {_TIME} drawn ahead on the next month",
            mark("Work on %(number)s: %(time)s drawn ahead on the next month"),
        ),
        (
            rf"Work on {_REQUEST}: drawn ahead in the month before",
            mark("Work on %(number)s: drawn ahead in the month before"),
        ),
        (
            rf"{_TIME} carried over to the holder's next contract",
            mark("%(time)s carried over to the holder's next contract"),
        ),
        (
            rf"{_TIME} carried over to the next month, or to the holder's next contract",
            mark("%(time)s carried over to the next month, or to the holder's next contract"),
        ),
        (rf"{_TIME} recorded as uncovered", mark("%(time)s recorded as uncovered")),
        (
            rf"{_TIME} recorded as uncovered \((?P<reason>.+)\)",
            mark("%(time)s recorded as uncovered (%(reason)s)"),
        ),
        (rf"{_TIME} to be billed at the overage rate", mark("%(time)s to be billed at the overage rate")),
        (rf"{_TIME} carried over to later months", mark("%(time)s carried over to later months")),
        (rf"{_TIME} no longer carried over", mark("%(time)s no longer carried over")),
        (r"Allocation of month (?P<number>\d+)", mark("Allocation of month %(number)s")),
        (r"Carried over from month (?P<number>\d+)", mark("Carried over from month %(number)s")),
        (rf"Adjustment for {_MONTH}: (?P<reason>.+)", mark("Adjustment for %(month)s: %(reason)s")),
        (
            rf"Moved to {_MONTH}, which was reopened: (?P<reason>.+)",
            mark("Moved to %(month)s, which was reopened: %(reason)s"),
        ),
        (rf"{_MONTH} was reopened: (?P<reason>.+)", mark("%(month)s was reopened: %(reason)s")),
        (rf"{_MONTH} was opened again", mark("%(month)s was opened again")),
        (rf"Revenue of {_MONTH}", mark("Revenue of %(month)s")),
        (rf"Time of {_MONTH} on (?P<invoice>.+)", mark("Time of %(month)s on %(invoice)s")),
        (r"(?P<reason>Payment for .+) was taken back", mark("%(reason)s was taken back")),
        (r"Payment for (?P<numbers>.+)", mark("Payment for %(numbers)s")),
        (r"What was paid of (?P<number>\S+)", mark("What was paid of %(number)s")),
        (
            r"Difference of what was credited of (?P<number>\S+)",
            mark("Difference of what was credited of %(number)s"),
        ),
        (
            r"Discount of (?P<number>\S+) that was taken back with its payment",
            mark("Discount of %(number)s that was taken back with its payment"),
        ),
        (r"Ordered by (?P<name>.+)", mark("Ordered by %(name)s")),
        (r"(?P<number>\S+) was cancelled", mark("%(number)s was cancelled")),
        (r"(?P<number>\S+) written off", mark("%(number)s written off")),
        (r"Write-off of (?P<number>\S+) taken back", mark("Write-off of %(number)s taken back")),
        (r"Dispute accepted: (?P<reason>(?s:.+))", mark("Dispute accepted: %(reason)s")),
        (r"(?P<number>RS-\S+) ended with (?P<day>\d{4}-\d\d-\d\d)", mark("%(number)s ended with %(day)s")),
        (
            rf"Service request {_REQUEST} was cancelled: it was not paid\.",
            mark("Service request %(number)s was cancelled: it was not paid."),
        ),
    )
)


def posting_reason(why: str) -> str:
    """Why something was posted: "Work on SR-12"."""
    if why in FIXED:
        return gettext(why)
    for pattern, text in PATTERNS:
        match = pattern.fullmatch(why)
        if match is not None:
            values = match.groupdict()
            if "day" in values:
                values["day"] = day_text(date.fromisoformat(values["day"]))
            if "reason" in values:
                values["reason"] = posting_reason(values["reason"])
            if values.get("number") == "another service request":
                values["number"] = gettext("another service request")
            return gettext(text, **values)
    return why
