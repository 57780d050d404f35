"""Full garbage collections are rare during audits only, however many run at once."""

import gc
from threading import Barrier, Thread

from workflows.ledger.audit_collections import MIDDLE_BEFORE_FULL, rare_full_collections


def test_usual_thresholds_are_back_after_the_last_of_several_audits() -> None:
    usual = gc.get_threshold()
    first, second = rare_full_collections(), rare_full_collections()
    with first:
        assert gc.get_threshold() == (*usual[:2], MIDDLE_BEFORE_FULL)
        second.__enter__()
    assert gc.get_threshold() == (*usual[:2], MIDDLE_BEFORE_FULL)
    second.__exit__(None, None, None)
    assert gc.get_threshold() == usual


def test_audits_of_several_threads_restore_the_thresholds() -> None:
    usual = gc.get_threshold()
    together = Barrier(8)

    def audit() -> None:
        together.wait()
        for _ in range(200):
            with rare_full_collections():
                pass

    threads = [Thread(target=audit) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert gc.get_threshold() == usual


def test_a_failed_audit_restores_the_thresholds() -> None:
    usual = gc.get_threshold()
    try:
        with rare_full_collections():
            raise LookupError
    except LookupError:
        pass
    assert gc.get_threshold() == usual
