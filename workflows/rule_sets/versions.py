"""A cache of rule sets by version, for long runs over many decisions."""

from collections import OrderedDict

from sqlalchemy import select

from engine.errors import DeskError
from engine.rulebook import RuleSet
from workflows.core.stored_rules import load_stored_rules
from workflows.core.transaction import Runner
from workflows.store import tables as t

MOST_LOADED = 8


class RuleSetGone(DeskError):
    """A rule set that a decision names is no longer stored."""

    code = "rule-set-gone"


class RuleVersions:
    """Loads the rule sets that decisions name; the most recently used stay loaded."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._loaded: OrderedDict[str, RuleSet] = OrderedDict()

    def load(self, version: str) -> RuleSet:
        """The rule set of a version. Raises: RuleSetGone; RuleSetRefused if it can no longer be read."""
        known = self._loaded.get(version)
        if known is None:
            known = self._loaded[version] = self._read(version)
            if len(self._loaded) > MOST_LOADED:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(version)
        return known

    def _read(self, version: str) -> RuleSet:
        in_force = self._runner.configs.current.rule_set
        if in_force is not None and in_force.version == version:
            return in_force
        with self._runner.database.read() as connection:
            files = connection.execute(
                select(t.rule_set.c.files).where(t.rule_set.c.version == version)
            ).scalar_one_or_none()
        if files is None:
            raise RuleSetGone(f"The rule set {version[:12]} is no longer stored.")
        return load_stored_rules(version, files)
