"""What becomes of an entry of a bank statement. Source: product.md section 10."""

from typing import Literal, get_args

EntryState = Literal["matched", "assigned", "offered", "left", "set_aside", "not_receipt"]
"""`matched`: exact, recorded as payments at once. `offered`: likely, a person accepts it. `left`: nothing was
found. `assigned`: a person recorded payments for it. `set_aside`: a person decided that it pays no invoice.
`not_receipt`: a debit or a reversal."""

ENTRY_STATES: tuple[EntryState, ...] = get_args(EntryState)
UNDECIDED: tuple[EntryState, ...] = ("offered", "left")
RECORDED: tuple[EntryState, ...] = ("matched", "assigned")
