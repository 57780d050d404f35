"""The coverage explorer: shows for given facts how each rule of a rule set is evaluated.

Two rule sets can be compared. With `decision`, a past decision is evaluated again with its facts and the
contracts as they were, by its own or another rule set.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request
from pydantic import ValidationError
from wtforms import HiddenField, SelectField

from engine.contracts import HOLDER_KINDS
from engine.coverage import OWN_CONTRACT_RULE
from engine.errors import DeskError
from engine.rulebook import RuleSet, RuleSetRefused
from web.languages import Texts, gettext, lazy_text, mark, mark_in
from web.pages.context import actor, desk, require_role, zone
from web.pages.forms.base import DeskForm
from web.pages.forms.fields import InstantField, WorkTypeField, select_options
from web.pages.forms.pickers import RecordField
from web.pages.wording.formats import day_text
from web.pages.wording.labels import priority_choices
from workflows.commands.service_requests import CoverageQuestion
from workflows.core.actors import STAFF
from workflows.core.errors import NotAllowed, StateForbids
from workflows.core.transaction import Transaction
from workflows.coverage.decisions import read_decision
from workflows.coverage.trace import ExplanationView, StepView, explain_coverage, explain_decision
from workflows.languages.words import or_text
from workflows.register import get_customer, get_org_unit
from workflows.register.holder_names import holder_names
from workflows.replay.rule_set_choices import RuleChoice, rule_choices, rules_of_choice
from workflows.rule_sets.publishing import READERS
from workflows.views.decisions import DecisionView

KINDS = Texts({"in_force": mark("In force"), "proposed": mark("Proposed"), "earlier": mark("Earlier")})
ACTIONS = (
    mark("Cover with the contract"),
    mark("Wait for the contract"),
    mark("Create a contract"),
    mark("Offer contracts"),
    mark("Refuse"),
    mark("Leave uncovered"),
)
"""What the engine calls the actions of coverage rules; translated where the steps are shown."""
CONTRACTS = Texts(
    {
        "valid": mark_in("step", "A valid contract %(holder)s"),
        "pending": mark_in("step", "A pending contract %(holder)s"),
        "ended": mark_in("step", "An ended contract %(holder)s"),
        "excluded": mark_in("step", "A contract %(holder)s that excludes the request"),
        "": mark_in("step", "A contract %(holder)s"),
    }
)
HOLDERS = Texts(
    {
        "service_request": mark_in("step", "of the service request"),
        "item": mark_in("step", "of the item"),
        "customer": mark_in("step", "of the customer"),
        "org_unit": mark_in("step", "of the org unit"),
        "": mark_in("step", "of any holder"),
    }
)
"""What the steps look for, as parts of their titles."""
Explain = Callable[[RuleSet | None], ExplanationView]

pages = Blueprint("explorer", __name__)


class RulesForm(DeskForm):
    """The rule sets to evaluate; by default the one in force, or that of the decision."""

    decision = HiddenField()
    rules = SelectField(lazy_text("Rules"), validate_choice=False)
    beside = SelectField(lazy_text("Compare with"), validate_choice=False)


class QuestionForm(RulesForm):
    customer = RecordField(lazy_text("Customer"), ["customer"], placeholder=lazy_text("Name or email"))
    item = RecordField(lazy_text("Item"), ["item"], optional=True, placeholder=lazy_text("Number or name"))
    org_unit = SelectField(lazy_text("Org unit"), validate_choice=False)
    priority = SelectField(
        lazy_text("Priority"),
        choices=lambda: select_options(priority_choices()),
        default="normal",
    )
    work_type = WorkTypeField()
    at = InstantField(lazy_text("As of"), description=lazy_text("Defaults to now."))


@dataclass(frozen=True, slots=True)
class RuleSetResult:
    """The result of one rule set; `label` is the name of the set."""

    label: str
    explanation: ExplanationView

    @property
    def key(self) -> tuple[object, ...]:
        decision = self.explanation.decision
        return (decision.outcome, decision.contract, decision.params)

    @property
    def titles(self) -> list[str]:
        """The titles of the steps; where two look for the same, with the ids of their rules."""
        titles = [_title(one) for one in self.explanation.steps]
        return [
            f"{title} ({step.rule})" if titles.count(title) > 1 else title
            for title, step in zip(titles, self.explanation.steps, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class PastDecision:
    """A past decision with the names of its parties."""

    decision: DecisionView
    number: str | None
    customer: str
    item: str
    org_unit: str
    at: str


def _title(step: StepView) -> str:
    """What a step found; of one that did not match or was not reached, what it looks for."""
    if step.status == "holds" or step.rule == OWN_CONTRACT_RULE:
        return step.why
    if not step.needs_contract:
        return gettext(step.action)
    one_standing = step.standings[0] if len(step.standings) == 1 else ""
    holders = [HOLDERS[one] for one in step.holders] if len(step.holders) < len(HOLDER_KINDS) else []
    return CONTRACTS[one_standing] % {"holder": or_text(holders) if holders else HOLDERS[""]}


@pages.get("/coverage")
def explorer() -> tuple[str, int]:
    require_role(*STAFF)
    decision_id = request.args.get("decision", "")
    form = (RulesForm if decision_id else QuestionForm)(formdata=request.args, meta={"csrf": False})
    results: list[RuleSetResult] = []
    past: PastDecision | None = None
    off = False
    with desk().read(actor()) as tx:
        if isinstance(form, QuestionForm):
            labels = _fill_rule_choices(tx, form, KINDS["in_force"])
            _fill(tx, form)
            try:
                results = _explain(tx, form, labels)
            except StateForbids:
                off = True
        else:
            past = _past_decision(tx, decision_id)
            labels = _fill_rule_choices(
                tx, form, gettext("Original, %(version)s", version=past.decision.rule_set[:8])
            )
            results = _results(
                tx, form, labels, lambda rules: explain_decision(tx, decision_id, rules).explanation
            )
    page = render_template("rules/explorer/index.html", form=form, results=results, past=past, off=off)
    return page, 422 if form.has_errors else 200


# ------------------------------------------------------------------ rule sets


def _fill_rule_choices(tx: Transaction, form: RulesForm, first: str) -> dict[str, str]:
    """Fill the rule set choices if the user may read rules; returns the label of each value."""
    choices = rule_choices(tx) if actor().role in READERS else []
    named = [(one.value, _choice_label(one)) for one in choices]
    in_force = KINDS["in_force"]
    own = [(value, label) for value, label in named if not (first == in_force and label.startswith(first))]
    form.rules.choices = select_options([("", first), *own, *_unlisted(form.rules.data, named)])
    form.beside.choices = select_options([("", gettext("None")), *named, *_unlisted(form.beside.data, named)])
    chosen = [one for field in (form.rules, form.beside) for one in _unlisted(field.data, named)]
    return dict([*named, *chosen, ("", first)])


def _unlisted(value: str | None, named: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The option for a rule set in the URL that is not in the list: that of a replay, or a short version."""
    if not value or value in dict(named):
        return []
    return [(value, gettext("Rules of the replay") if value.startswith("replay:") else value)]


def _choice_label(one: RuleChoice) -> str:
    day = day_text(one.at.astimezone(zone()).date())
    note = gettext(": ") + one.note[:60] if one.note else ""
    return f"{KINDS[one.kind]}, {one.version[:8]}, {day}{note}"


def _results(
    tx: Transaction, form: RulesForm, labels: dict[str, str], explain: Explain
) -> list[RuleSetResult]:
    """Evaluate the selected rule set, or both; errors are added to the form."""
    results = []
    for field in (form.rules, form.beside):
        if field is form.beside and not field.data:
            continue
        try:
            rules = rules_of_choice(tx, field.data) if field.data else None
            results.append(RuleSetResult(labels[field.data or ""], explain(rules)))
        except (StateForbids, NotAllowed):
            raise
        except RuleSetRefused as refused:
            problem = refused.problems[0].message
            wrong = gettext("These rules can no longer be read: %(problem)s", problem=problem)
            form.add_error(f"/{field.name}", wrong)
        except DeskError as error:
            form.add_error(str(error.values.get("pointer", f"/{field.name}")), str(error))
    return results


# ------------------------------------------------------------------ facts


def _explain(tx: Transaction, form: QuestionForm, labels: dict[str, str]) -> list[RuleSetResult]:
    if not form.customer.record_id or not form.validate():
        return []
    values: dict[str, Any] = {
        "customer": form.customer.record_id,
        "item": form.item.record_id,
        "org_unit": form.org_unit.data,
        "priority": form.priority.data,
        "work_type": form.work_type.data,
        "at": form.at.data,
    }
    try:
        question = CoverageQuestion(**{name: value for name, value in values.items() if value})
    except ValidationError as error:
        form.add_validation_errors(error)
        return []
    return _results(tx, form, labels, lambda rules: explain_coverage(tx, question, rules))


def _fill(tx: Transaction, form: QuestionForm) -> None:
    form.work_type.load_options(tx)
    form.customer.load_options(tx)
    customer = form.customer.record_id
    form.item.results.of_customer = customer or ""
    form.item.load_options(tx)
    if form.item.data not in [option.value for option in form.item.results.options]:
        form.item.data = form.item.results.selected = ""
    units = [get_org_unit(tx, unit) for unit in get_customer(tx, customer).org_units] if customer else []
    form.org_unit.choices = select_options(
        [(unit.id, unit.name) for unit in units] or [("", gettext("None"))]
    )
    if form.org_unit.data not in [unit.id for unit in units]:
        form.org_unit.data = units[0].id if units else ""


def _past_decision(tx: Transaction, decision_id: str) -> PastDecision:
    """Load a decision with the names of its parties. Raises: NotFound."""
    decision = read_decision(tx, decision_id)
    facts = decision.facts
    parties = {(kind, str(facts[kind])) for kind in ("customer", "item", "org_unit") if facts.get(kind)}
    if decision.service_request:
        parties.add(("service_request", decision.service_request))
    names = holder_names(tx, parties)
    return PastDecision(
        decision=decision,
        number=names.get(("service_request", decision.service_request or "")),
        customer=names.get(("customer", str(facts["customer"])), ""),
        item=names.get(("item", str(facts.get("item"))), ""),
        org_unit=names.get(("org_unit", str(facts.get("org_unit"))), ""),
        at=decision.as_of.astimezone(zone()).strftime("%Y-%m-%dT%H:%M"),
    )
