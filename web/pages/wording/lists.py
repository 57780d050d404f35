"""The number of entries of a list, in words."""

from markupsafe import Markup

from web.languages import gettext, ngettext
from web.pages.wording.formats import number_text, total_text
from workflows.views import CountedPage

_NUMBER = Markup('<span class="number">{}</span>')


def pager_text(page: CountedPage[object], what: str) -> Markup:
    """What a page shows of its list, whose entries are `what`: "51–100 of 1,234 requests"."""
    last = page.start + len(page.items)
    entries = _entries(what, max(page.total, last), _NUMBER.format(total_text(page)))
    if page.previous_cursor is None and page.next_cursor is None:
        return Markup(entries)
    shown = _NUMBER.format(f"{number_text(page.start + 1)}–{number_text(last)}")
    return Markup(gettext("%(shown)s of %(entries)s", shown=shown, entries=entries))


def _entries(what: str, number: int, num: Markup) -> str:
    match what:
        case "adjustment":
            return ngettext("%(num)s adjustment", "%(num)s adjustments", number, num=num)
        case "alert":
            return ngettext("%(num)s alert", "%(num)s alerts", number, num=num)
        case "approval":
            return ngettext("%(num)s approval", "%(num)s approvals", number, num=num)
        case "bank entry":
            return ngettext("%(num)s bank entry", "%(num)s bank entries", number, num=num)
        case "batch":
            return ngettext("%(num)s batch", "%(num)s batches", number, num=num)
        case "change":
            return ngettext("%(num)s change", "%(num)s changes", number, num=num)
        case "contract":
            return ngettext("%(num)s contract", "%(num)s contracts", number, num=num)
        case "customer":
            return ngettext("%(num)s customer", "%(num)s customers", number, num=num)
        case "decision":
            return ngettext("%(num)s decision", "%(num)s decisions", number, num=num)
        case "delivery":
            return ngettext("%(num)s delivery", "%(num)s deliveries", number, num=num)
        case "due item":
            return ngettext("%(num)s due item", "%(num)s due items", number, num=num)
        case "entry":
            return ngettext("%(num)s entry", "%(num)s entries", number, num=num)
        case "event":
            return ngettext("%(num)s event", "%(num)s events", number, num=num)
        case "invoice":
            return ngettext("%(num)s invoice", "%(num)s invoices", number, num=num)
        case "item":
            return ngettext("%(num)s item", "%(num)s items", number, num=num)
        case "line":
            return ngettext("%(num)s line", "%(num)s lines", number, num=num)
        case "message":
            return ngettext("%(num)s message", "%(num)s messages", number, num=num)
        case "month":
            return ngettext("%(num)s month", "%(num)s months", number, num=num)
        case "org unit":
            return ngettext("%(num)s org unit", "%(num)s org units", number, num=num)
        case "payment":
            return ngettext("%(num)s payment", "%(num)s payments", number, num=num)
        case "piece":
            return ngettext("%(num)s piece", "%(num)s pieces", number, num=num)
        case "product":
            return ngettext("%(num)s product", "%(num)s products", number, num=num)
        case "publication":
            return ngettext("%(num)s publication", "%(num)s publications", number, num=num)
        case "quote":
            return ngettext("%(num)s quote", "%(num)s quotes", number, num=num)
        case "rate":
            return ngettext("%(num)s rate", "%(num)s rates", number, num=num)
        case "record":
            return ngettext("%(num)s record", "%(num)s records", number, num=num)
        case "recurring sale":
            return ngettext("%(num)s recurring sale", "%(num)s recurring sales", number, num=num)
        case "replay":
            return ngettext("%(num)s replay", "%(num)s replays", number, num=num)
        case "request":
            return ngettext("%(num)s request", "%(num)s requests", number, num=num)
        case "row":
            return ngettext("%(num)s row", "%(num)s rows", number, num=num)
        case "service level":
            return ngettext("%(num)s service level", "%(num)s service levels", number, num=num)
        case "service request":
            return ngettext("%(num)s service request", "%(num)s service requests", number, num=num)
        case "sold item":
            return ngettext("%(num)s sold item", "%(num)s sold items", number, num=num)
        case "statement":
            return ngettext("%(num)s statement", "%(num)s statements", number, num=num)
        case "technician":
            return ngettext("%(num)s technician", "%(num)s technicians", number, num=num)
        case "transaction":
            return ngettext("%(num)s transaction", "%(num)s transactions", number, num=num)
        case "user":
            return ngettext("%(num)s user", "%(num)s users", number, num=num)
        case "webhook":
            return ngettext("%(num)s webhook", "%(num)s webhooks", number, num=num)
        case "dispute":
            return ngettext("%(num)s dispute", "%(num)s disputes", number, num=num)
        case "work entry":
            return ngettext("%(num)s work entry", "%(num)s work entries", number, num=num)
        case _:
            raise LookupError(f"a list of {what} has no words")
