"""The effect of a change on service requests, for example "2 service requests lose their coverage"."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from web.languages import ngettext
from web.pages.context import zone
from web.pages.wording.formats import instant_text, number_text
from workflows.views.effects import RequestEffect, RequestSnapshot

MAX_NAMED = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence and the requests or details that it lists; `more` is the number of those not listed."""

    text: str
    requests: list[RequestSnapshot] = field(default_factory=list)
    more: int = 0
    details: list[str] = field(default_factory=list)


def request_lines(requests: Iterable[RequestEffect]) -> list[Line]:
    """One sentence for all requests with the same outcome."""
    alike: dict[str, list[RequestEffect]] = {}
    for effect in requests:
        alike.setdefault(_outcome(effect, 2), []).append(effect)
    return [
        Line(
            _outcome(effects[0], len(effects)),
            [one.after for one in effects[:MAX_NAMED]],
            max(0, len(effects) - MAX_NAMED),
        )
        for effects in alike.values()
    ]


def _outcome(effect: RequestEffect, requests: int) -> str:
    """What happens to so many requests."""
    before, after = effect.before, effect.after
    num = number_text(requests)
    if after.state == "cancelled" != before.state:
        return ngettext(
            "%(num)s service request is cancelled, and leads to the other:",
            "%(num)s service requests are cancelled, and lead to the other:",
            requests,
            num=num,
        )
    if before.state == "cancelled" != after.state:
        return _separated(after, requests)
    if after.contract is None:
        if before.contract is not None:
            return ngettext(
                "%(num)s service request loses its coverage:",
                "%(num)s service requests lose their coverage:",
                requests,
                num=num,
            )
        return ngettext(
            "%(num)s service request is searched again and remains uncovered:",
            "%(num)s service requests are searched again and remain uncovered:",
            requests,
            num=num,
        )
    is_due = after.resolution_due_at != before.resolution_due_at and after.resolution_due_at is not None
    due = after.resolution_due_at if is_due else None
    if before.contract is None:
        opens = before.state == "pending_no_contract" != after.state
        return _covered(after, requests, due, opens=opens)
    if before.contract == after.contract:
        return _staying(after, requests, due)
    return _changing(before, after, requests, due)


def _separated(after: RequestSnapshot, requests: int) -> str:
    num = number_text(requests)
    if after.contract is None:
        return ngettext(
            "%(num)s service request is a request of its own again, without a contract:",
            "%(num)s service requests are requests of their own again, without a contract:",
            requests,
            num=num,
        )
    return ngettext(
        "%(num)s service request is a request of its own again, covered by %(contract)s:",
        "%(num)s service requests are requests of their own again, covered by %(contract)s:",
        requests,
        num=num,
        contract=after.contract_number,
    )


def _covered(after: RequestSnapshot, requests: int, due: datetime | None, *, opens: bool) -> str:
    values = _values(requests, due, contract=after.contract_number)
    if opens and due is not None:
        return ngettext(
            "%(num)s service request is covered by %(contract)s and opens, due %(due)s:",
            "%(num)s service requests are covered by %(contract)s and open, due %(due)s:",
            requests,
            **values,
        )
    if opens:
        return ngettext(
            "%(num)s service request is covered by %(contract)s and opens:",
            "%(num)s service requests are covered by %(contract)s and open:",
            requests,
            **values,
        )
    if due is not None:
        return ngettext(
            "%(num)s service request is covered by %(contract)s, due %(due)s:",
            "%(num)s service requests are covered by %(contract)s, due %(due)s:",
            requests,
            **values,
        )
    return ngettext(
        "%(num)s service request is covered by %(contract)s:",
        "%(num)s service requests are covered by %(contract)s:",
        requests,
        **values,
    )


def _staying(after: RequestSnapshot, requests: int, due: datetime | None) -> str:
    values = _values(requests, due, contract=after.contract_number)
    if due is not None:
        return ngettext(
            "%(num)s service request stays with %(contract)s, due %(due)s:",
            "%(num)s service requests stay with %(contract)s, due %(due)s:",
            requests,
            **values,
        )
    return ngettext(
        "%(num)s service request stays with %(contract)s:",
        "%(num)s service requests stay with %(contract)s:",
        requests,
        **values,
    )


def _changing(before: RequestSnapshot, after: RequestSnapshot, requests: int, due: datetime | None) -> str:
    values = _values(requests, due, old=before.contract_number, new=after.contract_number)
    if due is not None:
        return ngettext(
            "%(num)s service request moves from %(old)s to %(new)s, due %(due)s:",
            "%(num)s service requests move from %(old)s to %(new)s, due %(due)s:",
            requests,
            **values,
        )
    return ngettext(
        "%(num)s service request moves from %(old)s to %(new)s:",
        "%(num)s service requests move from %(old)s to %(new)s:",
        requests,
        **values,
    )


def _values(requests: int, due: datetime | None, **values: object) -> dict[str, object]:
    at = instant_text(due, zone()) if due is not None else ""
    return {"num": number_text(requests), "due": at, **values}
