"""Any history of sales, invoices, payments and months ends as a plain model of it says.

`make histories` tries more than `make test`.
"""

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

from tests.support.billing_histories import MoneyHistories, try_histories
from tests.support.postgres import PostgresServer
from tests.support.sales_histories import BillingHistories
from tests.support.sample_desk import SampleDesk


def on_new_desks(machine: type[MoneyHistories], new_url: Callable[[], str]) -> type[MoneyHistories]:
    """The machine with a desk of its own for each history."""
    return type("HistoriesHere", (machine,), {"new_sample": staticmethod(lambda: SampleDesk(new_url()))})


def new_sqlite(template: Path, folder: Path) -> Callable[[], str]:
    numbers = count()

    def make() -> str:
        path = folder / f"{next(numbers)}.db"
        shutil.copyfile(template, path)
        return f"sqlite:///{path}"

    return make


def test_any_history_of_documents_and_payments_is_as_the_model_says(
    migrated_sqlite_template: Path, tmp_path: Path
) -> None:
    new_url = new_sqlite(migrated_sqlite_template, tmp_path)
    try_histories(on_new_desks(MoneyHistories, new_url), 20, few=12)


def test_any_history_of_sales_and_work_is_as_the_model_says(
    migrated_sqlite_template: Path, tmp_path: Path
) -> None:
    new_url = new_sqlite(migrated_sqlite_template, tmp_path)
    try_histories(on_new_desks(BillingHistories, new_url), 20, few=12)


def test_some_histories_on_postgresql(
    postgres_server: PostgresServer, migrated_postgres_template: str
) -> None:
    names: list[str] = []

    def new_url() -> str:
        names.append(postgres_server.create_database(migrated_postgres_template))
        return postgres_server.url(names[-1])

    try_histories(on_new_desks(BillingHistories, new_url), 1_000, few=3)
    for name in names:
        postgres_server.drop_database(name)
