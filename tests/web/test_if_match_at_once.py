"""Of two calls at once with the same tag in If-Match, one changes the record and the other is refused."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.api import ApiClient, app_of, token_of
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.fields import MoneyGiven
from workflows.commands.selling import NewPrice, NewProduct
from workflows.selling.price_list import add_price, create_product
from workflows.store import tables as t

BOTH_WAIT_SECONDS = 0.5


def a_user(sample: SampleDesk) -> tuple[str, str, Any, str, list[Any]]:
    user = sample.finance.id
    bodies = [{"name": "Fay"}, {"time_zone": "Europe/Berlin"}]
    return f"/users/{user}", f"/users/{user}", t.user_account, str(user), bodies


def a_price(sample: SampleDesk) -> tuple[str, str, Any, str, list[Any]]:
    product = sample.do(create_product, NewProduct(code="P", label="Cable", kind="part"))
    sample.do(add_price, product, NewPrice(price=MoneyGiven(amount_minor=100), first_on=MONDAY.date()))
    [price] = sample.rows(t.product_price)
    bodies = [{"last_on": "2026-12-30"}, {"last_on": "2026-12-31"}]
    return f"/products/{product}", f"/products/{product}/prices/{price.id}", t.product, product, bodies


@pytest.mark.parametrize("record", [a_user, a_price])
def test_one_of_two_wins(sample: SampleDesk, record: Any) -> None:
    read_at, changed_at, table, locked_id, bodies = record(sample)
    app, token = app_of(sample), token_of(sample, sample.administrator)
    clients = [ApiClient(app, token) for _ in bodies]
    tag = clients[0].get(read_at).headers["ETag"]

    def change(client: ApiClient, body: Any) -> int:
        return client.patch(changed_at, body, If_Match=tag).status_code

    with ThreadPoolExecutor(len(bodies)) as pool:
        with sample.desk.database.write() as connection:
            connection.execute(select(table.c.id).where(table.c.id == locked_id).with_for_update())
            calls = [pool.submit(change, *one) for one in zip(clients, bodies, strict=True)]
            time.sleep(BOTH_WAIT_SECONDS)
        assert sorted(call.result(60) for call in calls) == [200, 412]
    now = clients[0].get(read_at).headers["ETag"]
    assert now != tag
    again = clients[0].patch(changed_at, bodies[0], If_Match=f'"x", {now}')
    assert again.status_code == 200
