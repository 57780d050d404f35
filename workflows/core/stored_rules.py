"""Rule sets that were published once, loaded from what is kept of them.

A checker grows stricter from one release to the next. That holds for what is published from then on; what
was accepted before goes on deciding as it did, and decisions that were made by it can be made again.
"""

from collections.abc import Mapping

import structlog

from engine.rulebook import RuleSet, RuleSetRefused, load_accepted_rule_set, load_rule_set

log = structlog.get_logger()
MOST_LOGGED = 10


def load_stored_rules(version: str, files: Mapping[str, str]) -> RuleSet:
    """The rule set of a version that was published; what today's checker says against it goes to the log.

    Raises: RuleSetRefused where a rule of it can no longer be read.
    """
    try:
        return load_rule_set(files)
    except RuleSetRefused as refused:
        rule_set = load_accepted_rule_set(files)
        errors = [str(problem) for problem in refused.problems if problem.severity == "error"]
        log.warning(
            "rules: a published set would be refused today, and decides as it did",
            version=version,
            errors=len(errors),
            problems=errors[:MOST_LOGGED],
        )
        return rule_set
