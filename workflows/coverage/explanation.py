"""A coverage decision in one sentence: what covers, and why nothing nearer does.

"Covered by SH-0012 of org unit Acme Berlin: the item's own contract SUB-0003 ended on 31 March 2026; Ann
has none." For a customer the same, without what others hold. Source: product.md section 6.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.coverage import ASSIGNED_MANUALLY, OWN_CONTRACT_RULE
from engine.rulebook import RuleSet, RuleSetRefused
from engine.rulebook.evaluation.trace import holder_kinds_asked
from workflows.core.transaction import Transaction
from workflows.register.holder_names import holder_names
from workflows.rule_sets.versions import RuleSetGone, RuleVersions
from workflows.views.decisions import CandidateView, DecisionView

MOST_REASONS = 4
IN_ORDER = ("came_after", "decided_before", "not_assigned")
"""Codes of what was not taken because another came before it: no fault of its own."""
USUAL_ORDER = ["item", "customer", "org_unit"]
UNFOUND = {
    "created": "No valid contract was found, so one was made for this request",
    "offered": "No valid contract was found, so one must be chosen",
    "uncovered": "No contract covers it",
}

Names = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class CandidateText:
    """A candidate with what its holder is called, as the reader may know it."""

    candidate: CandidateView
    holder_name: str


@dataclass(frozen=True, slots=True)
class DecisionText:
    """A decision in words, and its candidates."""

    decision: DecisionView
    sentence: str
    candidates: list[CandidateText]


def why_not(one: CandidateView) -> str:
    """Why a candidate was not taken: "It ended on 31 March 2026", "SUB-0003 came first"; empty if it was."""
    why = one.ruled_out_by or ""
    return why[:1].upper() + why[1:] if one.code in IN_ORDER or not why else f"It {why}"


def describe_decision(tx: Transaction, decision: DecisionView, rules: RuleSet | None = None) -> DecisionText:
    """The sentence of a decision that the reader may see already, with the names of the holders.

    `rules` are those that decided, where the caller has them at hand.
    """
    parties = {(kind, str(decision.facts.get(kind) or "")) for kind in ("item", "customer", "org_unit")}
    held_by = {(one.holder_kind, one.holder) for one in decision.candidates}
    names = holder_names(tx, {one for one in parties | held_by if one[1]})
    telling = _Describing(decision, names, None if tx.actor.is_staff else tx.actor.customer or "")
    return DecisionText(
        decision=decision,
        sentence=telling.sentence(_kinds_asked(tx, decision, rules)),
        candidates=[CandidateText(one, telling.holder(one)) for one in decision.candidates],
    )


class _Describing:
    """The words of one decision. `reader` is the customer who reads them, None for staff."""

    def __init__(self, decision: DecisionView, names: Names, reader: str | None) -> None:
        self._decision = decision
        self._names = names
        self._reader = reader

    def sentence(self, kinds: Sequence[str]) -> str:
        decision = self._decision
        taken = next((one for one in decision.candidates if one.contract == decision.contract), None)
        if decision.rule == ASSIGNED_MANUALLY and taken is not None:
            return f"Covered by {self._named(taken)}: a supervisor assigned it."
        if decision.outcome == "refused":
            head = "It would be refused" if decision.id is None else "It was refused"
            return f"{head}: {decision.params.get('message') or decision.why}"
        # of a colleague's request one learns what covers it, not what the colleague holds
        is_own = self._reader is None or decision.facts.get("customer") == self._reader
        reasons = list(self._reasons(kinds, taken)) if is_own else []
        if len(reasons) > MOST_REASONS + 1:
            reasons[MOST_REASONS:] = [f"{len(reasons) - MOST_REASONS} more do not cover it"]
        head = self._head(taken)
        return f"{head}: {'; '.join(reasons)}." if reasons else f"{head}."

    def holder(self, one: CandidateView) -> str:
        """What holds a contract: "org unit Acme Berlin", "Ann", "your organization"."""
        name = self._name(one.holder_kind, one.holder)
        if one.holder_kind == "service_request":
            return "this request"
        if one.holder_kind == "org_unit":
            return "your organization" if self._reader is not None else f"org unit {name}".strip()
        if one.holder_kind == "item":
            return f"item {name}".strip()
        return "you" if one.holder == self._reader else name or "the customer"

    # -------------------------------------------------------------- parts

    def _head(self, taken: CandidateView | None) -> str:
        outcome = self._decision.outcome
        if outcome == "created" and self._decision.id is None:
            return "No valid contract was found, so one will be made for this request"
        if taken is None or outcome not in ("covered", "waiting"):
            return UNFOUND.get(outcome, UNFOUND["uncovered"])
        if outcome == "covered":
            return f"Covered by {self._named(taken)}"
        return f"Waits for {self._named(taken)}, which {taken.standing_why or 'is not in force yet'}"

    def _named(self, one: CandidateView) -> str:
        if one.holder_kind == "service_request":
            return f"its own contract {one.number}"
        if one.holder_kind == "customer" and one.holder == self._reader:
            return f"your own contract {one.number}"
        return f"{one.number} of {self.holder(one)}"

    def _reasons(self, kinds: Sequence[str], taken: CandidateView | None) -> Iterator[str]:
        """Why nothing that was asked before the contract taken covers, holder by holder."""
        # its own contract comes first where it is valid; what is not yet is waited for after all others
        waits = self._decision.outcome == "waiting"
        order = [*kinds, "service_request"] if waits else ["service_request", *kinds]
        for kind in order:
            of_kind = [one for one in self._decision.candidates if one.holder_kind == kind]
            last = taken is not None and taken in of_kind
            if last and taken is not None:
                of_kind = of_kind[: of_kind.index(taken)]
            elif kind == "org_unit" and self._reader is not None:
                # how many an organization holds, and what became of them, is not the reader's to know
                yield "your organization has none that covers it"
            elif not of_kind and self._decision.facts.get(kind) and kind != "service_request":
                yield self._none(kind)
            for one in of_kind:
                if one.code is not None and one.code not in IN_ORDER:
                    yield self._reason(one)
            if last:
                return

    def _reason(self, one: CandidateView) -> str:
        why = one.ruled_out_by
        if one.code in ("rule_condition", "condition") and self._reader is not None:
            why = "is not meant for this request"
        if one.holder_kind == "service_request":
            return f"its own contract {one.number} {why}"
        if one.holder_kind == "item":
            return f"the item’s own contract {one.number} {why}"
        if one.holder_kind == "customer" and one.holder == self._reader:
            return f"your own contract {one.number} {why}"
        name = self._name(one.holder_kind, one.holder)
        return f"{name}’s contract {one.number} {why}" if name else f"{one.number} {why}"

    def _none(self, kind: str) -> str:
        party = str(self._decision.facts[kind])
        if kind == "item":
            return "the item has none"
        if kind == "customer" and party == self._reader:
            return "you have none of your own"
        name = self._name(kind, party)
        if kind == "org_unit":
            return f"{name or 'its org unit'} and the org units above it have none"
        return f"{name or 'the customer'} has none"

    def _name(self, kind: str, party: str) -> str:
        return self._names.get((kind, party), "")


def _kinds_asked(tx: Transaction, decision: DecisionView, rules: RuleSet | None) -> list[str]:
    """The kinds of holder that the decision's own rules asked for, in order, up to the rule that held."""
    if rules is None:
        try:
            rules = RuleVersions(tx.runner).load(decision.rule_set)
        except (RuleSetGone, RuleSetRefused):
            return list(USUAL_ORDER)
    until = None if decision.rule == OWN_CONTRACT_RULE else decision.rule
    return [kind for kind in holder_kinds_asked(rules.coverage, until) if kind != "service_request"]
