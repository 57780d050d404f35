"""Logging and counting of rule sets that were refused when someone published or approved them.

`workflows.rule_sets.folder_watch` reports the errors of watched folders itself.
"""

import structlog

from engine.rulebook import RuleSetRefused
from web.metrics import count_refused_rules

MAX_LOGGED_PROBLEMS = 10

log = structlog.get_logger("coverdesk.web")


def report_refused_rules(refused: RuleSetRefused, *, interface: str, by: str | None = None) -> None:
    """Log what was wrong. `interface` is `page` or `api`; `by` names the person who published, if known."""
    errors = [problem for problem in refused.problems if problem.severity == "error"]
    count_refused_rules(interface)
    log.warning(
        "rule set refused; the one in force is unchanged",
        interface=interface,
        by=by,
        errors=len(errors),
        problems=[str(problem) for problem in errors[:MAX_LOGGED_PROBLEMS]],
    )
