"""The amount of work of each measure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """`contracts` is the size of the large desk.

    `rounds` is how often each side runs, `requests` the calls to a server per round, `decisions` the number
    of decisions to replay, `postings` the size of the ledger to audit, `invoices` how many are issued, and
    how often the documents of one are built.
    """

    contracts: int = 1_000_000
    rounds: int = 11
    requests: int = 500
    decisions: int = 20_000
    postings: int = 100_000
    invoices: int = 10_000
