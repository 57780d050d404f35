"""Sentences that the system stores, such as why something was posted, in the language of the reader.

They are stored in English, whoever causes them. Pages show them by `stored_text`; files and the API have them
as they are stored.
"""

from workflows.languages.engine_texts import by_form
from workflows.languages.texts import mark

TEXTS = (
    mark("carried over to the holder's next contract"),
    mark("recorded as uncovered"),
    mark("to be billed at the overage rate"),
    mark("The draw-down was corrected"),
    mark("The work was not approved"),
    mark("Time carried over from before this contract"),
    mark("Work approved"),
    mark("Work on %(number)s"),
    mark("Work on %(number)s: %(time)s drawn ahead on the next month"),
    mark("Work on %(number)s: drawn ahead in the month before"),
    mark("%(time)s carried over to later months"),
    mark("%(time)s no longer carried over"),
    mark("Allocation of month %(month)s"),
    mark("Carried over from month %(month)s"),
    mark("Sold with the contract"),
    mark("Topped up"),
    mark("Topped up automatically"),
    mark("Ordered by %(name)s"),
    mark("The end of the contract was moved"),
    mark("Expired unused"),
    mark("Worked before the grant expired, logged afterwards"),
    mark("The service request was closed"),
    mark("No longer covered by this contract"),
    mark("Held when the service request was covered"),
    mark("Reopened within the window"),
    mark("Renewed ahead of its end"),
    mark("Not taken up"),
    mark("Closed automatically"),
    mark("reopened past the window"),
    mark("Nothing is left to be billed: the work was corrected"),
    mark("%(number)s was cancelled"),
    mark("Payment for %(numbers)s"),
    mark("%(what)s was taken back"),
    mark("Credit used"),
    mark("Credit no longer used"),
    mark("What was paid of %(number)s"),
    mark("%(number)s written off"),
    mark("Write-off of %(number)s taken back"),
    mark("Revenue of %(month)s"),
    mark("%(month)s was opened again"),
)


def stored_text(text: str) -> str:
    """A stored sentence in the current language, if it is one of those above."""
    return by_form(text, TEXTS)
