"""Rule sets that were to take force and were refused: logged and counted, whichever door they came by.

Those of a watched folder are logged, counted and told by workflows.rules_watch itself.
"""

import structlog

from engine.rulebook import RuleSetRefused
from web.metrics import count_refused_rules

MOST_LOGGED = 10

log = structlog.get_logger("coverdesk.web")


def report_refused_rules(refused: RuleSetRefused, *, door: str, by: str | None = None) -> None:
    """Say in the log what was wrong. `door` is page or api, `by` the name of who published, where known."""
    errors = [problem for problem in refused.problems if problem.severity == "error"]
    count_refused_rules(door)
    log.warning(
        "rules: refused, the rule set in force stays",
        door=door,
        by=by,
        errors=len(errors),
        problems=[str(problem) for problem in errors[:MOST_LOGGED]],
    )
