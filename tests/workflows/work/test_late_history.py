import os
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import get_state_machine_test

from engine.payers import BEGINNING
from tests.support.histories import AFTER_HOURS, RATES, Histories
from tests.support.sample_desk import SampleDesk
from tests.support.stored_history import DAY
from workflows.lifecycle.contracts.audit_draw_down import _differences, planned_again
from workflows.lifecycle.contracts.connected_work import Change
from workflows.lifecycle.contracts.loaded import LoadedContracts
from workflows.lifecycle.contracts.redraw import plan_redraw

BASE = int(os.environ.get("BASE", "1000"))
N = int(os.environ.get("PARTSN", "12"))
EX = int(os.environ.get("EX", "25"))


def detail(tx, ids):
    contracts = LoadedContracts(tx)
    r = plan_redraw(tx, Change(BEGINNING, cause="audit", contracts=frozenset(ids)), contracts)
    out = [str(d) for d in _differences(r, contracts)]
    out += ["REVERSE " + repr(d) for d in r.draws_to_reverse]
    out += ["POST " + repr(d) for d in r.draws_to_post]
    out += ["SLREV " + repr(d) for d in r.slices.to_reverse] + ["SLPOST " + repr(d) for d in r.slices.to_post]
    return out


class Late(Histories):
    def teardown(self):
        super().teardown()
        if not hasattr(self, "in_time"):
            return
        for step in ("late without jobs", "late with jobs"):
            self.sample.clock.at = self.now + 40 * DAY
            if step == "late with jobs":
                self.run_jobs()
            found = [d for d in self.sample.see(planned_again, self.contracts)[0] if d]
            if found:
                raise AssertionError((step, self.contracts, found, self.sample.see(detail, self.contracts)))


@pytest.mark.parametrize("part", range(N))
def test_late(sample: SampleDesk, part: int) -> None:
    sample.publish_rules(charging=AFTER_HOURS, rate_cards__standard=RATES)
    machine = type("HistoriesHere", (Late,), {"sample": sample, "numbers": count()})
    run = get_state_machine_test(
        machine,
        settings=settings(
            max_examples=EX,
            stateful_step_count=30,
            deadline=None,
            phases=(Phase.generate, Phase.explain),
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            database=None,
        ),
    )
    seed(BASE + part)(run)()
