"""Loading rule sets, each once for its content, and those that were published earlier.

The checker gets stricter from one release to the next, which applies to what is published afterwards. A set
that was accepted before still decides as it did, and its decisions can be verified.
"""

from collections.abc import Mapping
from functools import lru_cache

import structlog

from engine.rulebook import RuleSet, RuleSetRefused, load_accepted_rule_set, load_rule_set

log = structlog.get_logger()
MOST_LOGGED = 10


def load_stored_rules(version: str, files: Mapping[str, str]) -> RuleSet:
    """The rule set of a published version; problems that the present checker finds are logged.

    Raises: RuleSetRefused where a rule of it can no longer be read.
    """
    try:
        return load_once(files)
    except RuleSetRefused as refused:
        rule_set = load_accepted_rule_set(files)
        errors = [str(problem) for problem in refused.problems if problem.severity == "error"]
        log.warning(
            "rules: a published set would be refused today; it still decides",
            version=version,
            errors=len(errors),
            problems=errors[:MOST_LOGGED],
        )
        return rule_set


def load_once(files: Mapping[str, str]) -> RuleSet:
    """load_rule_set, once for the same files: a rule set does not change, and reading takes longest of all.

    The rules folder is checked, published and put in force one after the other when a server starts.
    Raises: RuleSetRefused, with all problems.
    """
    return _load(tuple(sorted(files.items())))


@lru_cache(maxsize=8)
def _load(files: tuple[tuple[str, str], ...]) -> RuleSet:
    return load_rule_set(dict(files))
