"""Any history of contracts and work ends as a simple model of it says, whatever was entered in which order.

`make histories` tries more than `make test`.
"""

from itertools import count

import pytest

from tests.support.histories import AFTER_HOURS, PARTS, RATES, Histories, try_histories
from tests.support.sample_desk import SampleDesk
from workflows.reports.audit import audit_desk


@pytest.mark.parametrize("part", range(PARTS))
def test_any_history_ends_as_the_model_says(sample: SampleDesk, part: int) -> None:
    sample.publish_rules(charging=AFTER_HOURS, rate_cards__standard=RATES)
    machine = type("HistoriesHere", (Histories,), {"sample": sample, "numbers": count()})
    try_histories(machine, part)
    assert sample.see(audit_desk).ok
