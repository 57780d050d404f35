"""Rule sets over HTTP."""

from typing import Annotated

from pydantic import Field, StringConstraints

from web.api.door import Door
from web.api.queries import ListQuery
from workflows import rule_sets
from workflows.commands import Command
from workflows.desk import Transaction
from workflows.views import Page
from workflows.views.rules import CheckView, PublicationView, RuleSetView

rules = Door("Rules")

MOST_RULES_BYTES = 16 * 1024 * 1024

FilePath = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Files = Annotated[dict[FilePath, str], Field(max_length=1000)]


class RuleFiles(Command):
    """The whole set: texts by their paths, relative to the rules folder; schemas left out."""

    files: Files


class Publication(Command):
    """The whole set, and what is new about it."""

    files: Files
    note: Annotated[str, StringConstraints(max_length=2000)] = ""


@rules.get("/rules")
def read_rules(tx: Transaction) -> RuleSetView:
    """The rule set in force."""
    return rule_sets.rule_set_in_force(tx)


@rules.get("/rules/versions")
def list_rule_versions(tx: Transaction, query: ListQuery) -> Page[PublicationView]:
    """What was published when, by whom and why; the newest first."""
    return rule_sets.list_publications(tx, **query.given())


@rules.get("/rules/{version}")
def read_rule_version(tx: Transaction, version: str) -> RuleSetView:
    """A rule set that was published at any time."""
    return rule_sets.get_rule_set(tx, version)


@rules.post("/rules/check", reads=True, conflicts=False, most_body_bytes=MOST_RULES_BYTES)
def check_rules(tx: Transaction, command: RuleFiles) -> CheckView:
    """All that is wrong with a set of files, by file, line and column. Nothing is saved."""
    return rule_sets.check_rules(tx, command.files)


@rules.post("/rules/publish", status=201, most_body_bytes=MOST_RULES_BYTES)
def publish_rules(tx: Transaction, command: Publication) -> RuleSetView:
    """Check the files and put them in force; a bad set is refused and the one in force stays."""
    version = rule_sets.publish_rule_set(tx, command.files, command.note)
    return rule_sets.get_rule_set(tx, version)
