"""Exports of journals for the accounting program, as they are shown."""

from datetime import date, datetime

from workflows.views.base import View, view


@view
class AccountingExportView(View):
    """A batch that was made: `number` rises for each format; the days are inclusive, in one month.

    `transactions` are those of the ledger, `rows` the lines of the file.
    """

    id: str
    number: str
    format: str
    from_on: date
    to_on: date
    transactions: int
    rows: int
    file_name: str
    made_at: datetime
    made_by: str


@view
class PendingMonth(View):
    """A month (YYYY-MM) with ledger transactions that are not exported; `is_closed` as accounting period."""

    month: str
    transactions: int
    is_closed: bool


@view
class PendingExport(View):
    """What an export would contain, and what prevents it.

    `unmapped` are accounts that have no number in the settings, such as "revenue" or "tax S:19"; `missing`
    are settings that the format needs. `left_out` are in a currency that the format does not take.
    """

    format: str
    from_on: date | None
    to_on: date
    months: list[PendingMonth]
    unmapped: list[str]
    missing: list[str]
    left_out: int


@view
class MadeExports(View):
    """The batches that an export has made, one for each month or more."""

    items: list[AccountingExportView]
