"""Words about what is held on customers."""

from web.languages import Texts, mark

HELD_GROUPS = Texts(
    {
        "register": mark("Name, items and logins"),
        "service_requests": mark("Service requests and work"),
        "contracts": mark("Contracts and their postings"),
        "billing": mark("Quotes, invoices and payments"),
        "messages": mark("Audit trail and mail"),
    }
)


def held_group(group: str) -> str:
    """The label of a subject of `HeldRecords`."""
    return HELD_GROUPS[group]
