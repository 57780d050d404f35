"""A coverage decision in one sentence: which contract covers, and why no contract before it does.

"Covered by SH-0012 of org unit Acme Berlin: the item's own contract SUB-0003 ended on 31 March 2026; Ann
has no contract." Customers get the same sentence without the contracts of others.
Source: product.md section 6.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from engine.coverage import ASSIGNED_MANUALLY, OWN_CONTRACT_RULE
from engine.rulebook import RuleSet, RuleSetRefused
from engine.rulebook.evaluation.trace import holder_kinds_asked
from workflows.core.transaction import Transaction
from workflows.coverage.reasons import why_text
from workflows.languages.texts import gettext, mark, ngettext
from workflows.register.holder_names import holder_names
from workflows.rule_sets.versions import RuleSetGone, RuleVersions
from workflows.views.decisions import CandidateView, DecisionView

MOST_REASONS = 4
PRECEDENCE_CODES = ("came_after", "decided_before", "not_assigned")
"""Codes of contracts that were not chosen only because another one takes precedence."""
USUAL_ORDER = ["item", "customer", "org_unit"]
NOT_COVERED = {
    "created": mark("No valid contract was found, so one was created for this request"),
    "offered": mark("No valid contract was found, so one must be chosen"),
    "uncovered": mark("No contract covers this request"),
}
UNNAMED = {
    "covered": mark("Covered by a contract of another holder"),
    "waiting": mark("Waiting for a contract of another holder"),
}
"""Where the contract may not be named to the customer who reads: it was another customer's, or is now."""

ENGINE_SENTENCES = (
    mark("A supervisor assigned this contract."),
    mark("This service request has a valid contract of its own."),
    mark("The contract of this service request is pending. Work starts as soon as it is valid."),
    mark("The contract that was ordered for this service request is valid."),
    mark("The contract that was ordered for this service request is pending."),
    mark("No rule applies, and contract validation is on: without a valid contract no request is opened."),
    mark("No rule applies. Contract validation is off, so the request opens without a contract."),
)
"""What the engine writes as the reason of a decision where no rule does; `gettext` of it translates it."""

Names = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class CandidateText:
    """A candidate with the name of its holder, as far as the reader may see it."""

    candidate: CandidateView
    holder_name: str


@dataclass(frozen=True, slots=True)
class DecisionText:
    """A decision, its description in one sentence, and its candidates."""

    decision: DecisionView
    sentence: str
    candidates: list[CandidateText]


def why_not(one: CandidateView) -> str:
    """Why a candidate was not chosen: "It ended on 31 March 2026"; empty for the one chosen."""
    why = one.ruled_out_by or ""
    if one.code in PRECEDENCE_CODES or not why:
        return why[:1].upper() + why[1:]
    return gettext("It %(predicate)s", predicate=why)


def describe_decision(tx: Transaction, decision: DecisionView, rules: RuleSet | None = None) -> DecisionText:
    """Describe a decision that the actor may see in one sentence, with the names of the holders.

    `rules` is the decision's rule set, if the caller has loaded it; otherwise it is loaded here.
    """
    parties = {(kind, str(decision.facts.get(kind) or "")) for kind in ("item", "customer", "org_unit")}
    held_by = {(one.holder_kind, one.holder) for one in decision.candidates}
    names = holder_names(tx, {one for one in parties | held_by if one[1]})
    description = _Description(decision, names, None if tx.actor.is_staff else tx.actor.customer or "")
    return DecisionText(
        decision=decision,
        sentence=description.sentence(_kinds_asked(tx, decision, rules)),
        candidates=[CandidateText(one, description.holder(one)) for one in decision.candidates],
    )


class _Description:
    """The description of one decision. `reader` is the id of the customer who reads it, None for staff."""

    def __init__(self, decision: DecisionView, names: Names, reader: str | None) -> None:
        self._decision = decision
        self._names = names
        self._reader = reader

    def sentence(self, kinds: Sequence[str]) -> str:
        decision = self._decision
        taken = next((one for one in decision.candidates if one.contract == decision.contract), None)
        if decision.rule == ASSIGNED_MANUALLY and taken is not None:
            return gettext("Covered by %(contract)s, assigned by a supervisor.", contract=self._named(taken))
        if decision.outcome == "refused":
            message = why_text(decision.params.get("message") or decision.why)
            if decision.id is None:
                return gettext("It would be refused: %(message)s", message=message)
            return gettext("It was refused: %(message)s", message=message)
        # for a colleague's request, show what covers it but not the colleague's other contracts
        is_own = self._reader is None or decision.facts.get("customer") == self._reader
        reasons = list(self._reasons(kinds, taken)) if is_own else []
        if len(reasons) > MOST_REASONS + 1:
            more = len(reasons) - MOST_REASONS
            reasons[MOST_REASONS:] = [
                ngettext("there is %(num)s more reason", "there are %(num)s more reasons", more)
            ]
        head = self._head(taken)
        if not reasons:
            return f"{head}."
        return gettext("%(decision)s: %(reasons)s.", decision=head, reasons=reduce(_both, reasons))

    def holder(self, one: CandidateView) -> str:
        """The holder of a contract: "org unit Acme Berlin", "Ann", "your organization"."""
        name = self._name(one.holder_kind, one.holder)
        if one.holder_kind == "service_request":
            return gettext("this request")
        if one.holder_kind == "org_unit" and self._reader is not None:
            return gettext("your organization")
        if one.holder_kind == "org_unit":
            return gettext("org unit %(name)s", name=name).strip()
        if one.holder_kind == "item":
            return gettext("item %(name)s", name=name).strip()
        return gettext("you") if one.holder == self._reader else name or gettext("the customer")

    def _head(self, taken: CandidateView | None) -> str:
        outcome = self._decision.outcome
        if outcome == "created" and self._decision.id is None:
            return gettext("No valid contract was found, so one will be created for this request")
        if taken is None and outcome in UNNAMED:
            return gettext(UNNAMED[outcome])
        if taken is None or outcome not in ("covered", "waiting"):
            return gettext(NOT_COVERED.get(outcome, NOT_COVERED["uncovered"]))
        if outcome == "covered":
            return gettext("Covered by %(contract)s", contract=self._named(taken))
        why = taken.standing_why or gettext("is not in force yet")
        return gettext(
            "Waiting for %(contract)s, which %(predicate)s", contract=self._named(taken), predicate=why
        )

    def _named(self, one: CandidateView) -> str:
        """The contract with its holder, as the object of a sentence."""
        name = self._name(one.holder_kind, one.holder)
        if one.holder_kind == "service_request":
            return gettext("its own contract %(number)s", number=one.number)
        if one.holder_kind == "org_unit" and self._reader is not None:
            return gettext("%(number)s of your organization", number=one.number)
        if one.holder_kind == "org_unit":
            return gettext("%(number)s of org unit %(name)s", number=one.number, name=name).strip()
        if one.holder_kind == "item":
            return gettext("%(number)s of item %(name)s", number=one.number, name=name).strip()
        if one.holder == self._reader:
            return gettext("your own contract %(number)s", number=one.number)
        if not name:
            return gettext("%(number)s of the customer", number=one.number)
        return gettext("%(number)s of %(name)s", number=one.number, name=name)

    def _reasons(self, kinds: Sequence[str], taken: CandidateView | None) -> Iterator[str]:
        """Why no contract before the chosen one covers the request, holder by holder."""
        # a valid contract of the request itself comes first; one to wait for comes after all others
        waits = self._decision.outcome == "waiting"
        order = [*kinds, "service_request"] if waits else ["service_request", *kinds]
        for kind in order:
            of_kind = [one for one in self._decision.candidates if one.holder_kind == kind]
            last = taken is not None and taken in of_kind
            if last and taken is not None:
                of_kind = of_kind[: of_kind.index(taken)]
            elif kind == "org_unit" and self._reader is not None:
                # customers must not see the number or the state of their organization's contracts
                yield gettext("your organization has no contract that covers it")
            elif not of_kind and self._decision.facts.get(kind) and kind != "service_request":
                yield self._none(kind)
            for one in of_kind:
                if one.code is not None and one.code not in PRECEDENCE_CODES:
                    yield self._reason(one)
            if last:
                return

    def _reason(self, one: CandidateView) -> str:
        why = one.ruled_out_by
        if one.code in ("rule_condition", "condition") and self._reader is not None:
            why = gettext("does not apply to this request")
        values = {"number": one.number, "predicate": why}
        if one.holder_kind == "service_request":
            return gettext("its own contract %(number)s %(predicate)s", **values)
        if one.holder_kind == "item":
            return gettext("the item’s own contract %(number)s %(predicate)s", **values)
        if one.holder_kind == "customer" and one.holder == self._reader:
            return gettext("your own contract %(number)s %(predicate)s", **values)
        name = self._name(one.holder_kind, one.holder)
        if not name:
            return f"{one.number} {why}"
        return gettext("%(name)s’s contract %(number)s %(predicate)s", name=name, **values)

    def _none(self, kind: str) -> str:
        party = str(self._decision.facts[kind])
        if kind == "item":
            return gettext("the item has no contract")
        if kind == "customer" and party == self._reader:
            return gettext("you have no contract of your own")
        name = self._name(kind, party)
        if kind == "org_unit":
            name = name or gettext("its org unit")
            return gettext("%(name)s and the org units above it have no contract", name=name)
        return gettext("%(name)s has no contract", name=name or gettext("the customer"))

    def _name(self, kind: str, party: str) -> str:
        return self._names.get((kind, party), "")


def _both(one: str, other: str) -> str:
    return gettext("%(one)s; %(other)s", one=one, other=other)


def _kinds_asked(tx: Transaction, decision: DecisionView, rules: RuleSet | None) -> list[str]:
    """The kinds of holder that the decision's rules ask for, in order, up to the rule that matched."""
    if rules is None:
        try:
            rules = RuleVersions(tx.runner).load(decision.rule_set)
        except (RuleSetGone, RuleSetRefused):
            return list(USUAL_ORDER)
    until = None if decision.rule == OWN_CONTRACT_RULE else decision.rule
    return [kind for kind in holder_kinds_asked(rules.coverage, until) if kind != "service_request"]
