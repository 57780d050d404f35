"""The differences that an audit of the ledger finds, in the language of whoever reads the page.

The audit names them in English, as the API and the command line have them.
"""

from web.languages import mark
from workflows.languages.engine_texts import by_form

TEXTS = (
    # balances
    mark("balance without a grant"),
    mark("grant without a balance"),
    mark("grant quantity"),
    mark("grant keeps more than its cap"),
    mark("grant holds what was not sold"),
    mark("grant available"),
    mark("grant held"),
    mark("grant consumed"),
    mark("grant expired"),
    mark("contract of a grant's balance"),
    mark("unit of a grant's balance"),
    mark("currency of a grant's balance"),
    mark("priority of a grant's balance"),
    mark("available is below zero"),
    mark("held is below zero"),
    mark("consumed is below zero"),
    mark("expired is below zero"),
    mark("carried is below zero"),
    mark("carried minutes"),
    mark("incidents held"),
    mark("reversal does not mirror"),
    # allocations and the draw-down
    mark("work entry's allocations"),
    mark("allocation is not what was posted"),
    mark("allocation is not what was settled"),
    mark("allocations of what was posted for an entry"),
    mark("draw-down cannot be repeated"),
    mark("draw-down of a work entry"),
    mark("draw of carried minutes"),
    mark("carry-over of a month"),
    # receivables
    mark("open amount of invoices"),
    mark("open customer credit"),
    mark("invoice without a journal"),
    mark("payment without a journal"),
    # transactions and chains
    mark("transaction is not in the chain of its contract"),
    mark("%(missing)s missing before this transaction"),
    mark("sequence number is used twice"),
    mark("transaction was changed: its hash differs"),
    mark("transaction without postings"),
    mark("transaction does not sum to zero in %(unit)s"),
    mark("posting is not effective with its transaction"),
    mark("posting without its transaction"),
    mark("adjustment without its transaction"),
    mark("chain without a head"),
    mark("chain head is not at the last transaction"),
    mark("chain head has another hash than the last transaction"),
    mark("chain head without a transaction"),
    # checkpoints
    mark("checkpoint is missing"),
    mark("checkpoint was changed: its hash differs"),
    mark("newest checkpoint is not the head of the checkpoints"),
    mark("heads of a checkpoint that is missing"),
    mark("heads of a checkpoint were changed"),
    mark("chain differs from checkpoint %(number)s"),
    mark("root of a checkpoint differs from the chain heads"),
    mark("the given checkpoint is missing here"),
    mark("root differs from the given checkpoint"),
    mark("hash differs from the given checkpoint"),
    mark("instant differs from the given checkpoint"),
    mark("number of chains differs from the given checkpoint"),
    mark("number of transactions differs from the given checkpoint"),
)
RECORDS = (mark("checkpoint %(number)s"),)


def difference_text(what: str) -> str:
    """What differs: "chain without a head"."""
    return by_form(what, TEXTS)


def difference_record(record: str) -> str:
    """The record that differs: an id, or "checkpoint 3"."""
    return by_form(record, RECORDS)
