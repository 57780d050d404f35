"""Words within sentences: codes of states, roles, kinds and actions, and lists of names.

In English a code is its own word.
"""

from collections.abc import Iterable

from workflows.languages.texts import gettext, mark

_CODES = (
    # states
    mark("pending_no_contract"), mark("open"), mark("in_progress"), mark("on_hold"), mark("resolved"),
    mark("closed"), mark("cancelled"), mark("pending"), mark("active"), mark("exhausted"), mark("expired"),
    mark("draft"), mark("issued"), mark("void"), mark("sent"), mark("accepted"), mark("declined"),
    mark("lapsed"), mark("superseded"), mark("submitted"), mark("approved"), mark("rejected"),
    mark("invoiced"), mark("waived"), mark("matched"), mark("offered"), mark("left"), mark("assigned"),
    mark("set_aside"), mark("not_receipt"), mark("warned"), mark("capped"), mark("ended"), mark("changed"),
    mark("confirmed"), mark("delivered"), mark("withdrawn"),
    # roles and what something is
    mark("administrator"), mark("supervisor"), mark("technician"), mark("finance"), mark("customer"),
    mark("org unit"), mark("item"), mark("service request"), mark("minutes"), mark("incidents"),
    mark("money"), mark("contract"), mark("top_up"), mark("one_off"), mark("recurring"), mark("product"),
    # actions
    mark("start"), mark("hold"), mark("resume"), mark("resolve"), mark("close"), mark("reopen"),
    mark("cancel"), mark("enable"), mark("top-up"), mark("auto-top-up"), mark("adjust"), mark("renew"),
    mark("amend"), mark("transfer"),
)  # fmt: skip


def word(code: str) -> str:
    """A code in the current language; one that is not known is as it is."""
    return gettext(code) if code else code


def words(codes: Iterable[str]) -> str:
    """Codes in the current language, with commas."""
    return ", ".join(word(one) for one in codes)


def and_text(names: Iterable[str]) -> str:
    """Names with "and" between them."""
    link = gettext("and")
    return f" {link} ".join(names)


def or_text(names: Iterable[str]) -> str:
    """Names with "or" between them."""
    link = gettext("or")
    return f" {link} ".join(names)
