"""Service requests by the number that a person types."""

from web.pages.context import actor, desk
from workflows.service_requests.queries import list_service_requests

LONGEST_ID = 64


def request_with(number: str | None) -> str | None:
    """The id of the service request with a number, as typed; the text itself if there is none.

    The use case names an unknown one as an error of its field.
    """
    typed = (number or "").strip()
    if not typed:
        return None
    with desk().read(actor()) as tx:
        found = list_service_requests(tx, number=typed.upper(), limit=1).items
    return found[0].id if found else typed[:LONGEST_ID]
