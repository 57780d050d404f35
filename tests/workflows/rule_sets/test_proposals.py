"""Publishing with approval, and administrators who edit at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.rulebook import RuleSetRefused
from tests.support.builders import RULES, Kit
from workflows.administration.settings import change_settings
from workflows.core.actors import SYSTEM, Actor
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, StateForbids
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.proposals import (
    Submitted,
    approve_proposal,
    list_proposals,
    read_proposal,
    reject_proposal,
    submit_rollback,
    submit_rule_set,
)
from workflows.rule_sets.publishing import (
    RulesChanged,
    diff_rule_sets,
    list_publications,
    publish_first,
    rule_set_in_force,
)
from workflows.store import tables as t

SHIPPED = read_rules_folder(RULES)


def edited(number: int = 1) -> dict[str, str]:
    return SHIPPED | {"coverage.json": SHIPPED["coverage.json"] + "\n" * number}


@pytest.fixture
def first(kit: Kit) -> str:
    """The version in force when approval becomes required."""
    kit.do(change_settings, {"two_person_publishing": True})
    return kit.desk.config.rules.version


@pytest.fixture
def bob(kit: Kit) -> Actor:
    """A second administrator."""
    return kit.person("administrator", "Bob")


def proposed(kit: Kit, number: int = 1) -> str:
    submitted = kit.do(submit_rule_set, edited(number), "Why")
    assert submitted.proposal is not None
    return submitted.proposal


def test_the_second_editor_gets_an_error_and_overwrites_nothing(kit: Kit) -> None:
    base = kit.desk.config.rules.version
    one = kit.publish(edited(1), "One", based_on=base)
    with pytest.raises(RulesChanged) as refusal:
        kit.publish(edited(2), "Two", based_on=base)
    assert (refusal.value.values["in_force"], refusal.value.values["based_on"]) == (one, base)
    assert kit.see(rule_set_in_force).version == one
    with pytest.raises(RulesChanged):
        kit.do(submit_rollback, base, based_on=base)
    kit.publish(edited(2), "Two, based on one", based_on=one)


def test_of_two_editors_at_once_one_gets_an_error(kit: Kit) -> None:
    base = kit.desk.config.rules.version

    def publish(number: int) -> object:
        try:
            with kit.desk.write(kit.administrator) as tx:
                return submit_rule_set(tx, edited(number), "", based_on=base).version
        except RulesChanged as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(publish, (1, 2)))
    assert sorted(isinstance(one, RulesChanged) for one in found) == [False, True]
    assert len(kit.rows(t.rule_publication)) == 2


def test_a_proposal_is_published_when_another_approves(kit: Kit, first: str, bob: Actor) -> None:
    submitted = kit.do(submit_rule_set, edited(), "Printers wait")
    assert kit.see(rule_set_in_force).version == first
    proposal_id = str(submitted.proposal)
    detail = kit.see_as(kit.supervisor, read_proposal, proposal_id)
    assert (detail.proposal.state, detail.proposal.proposed_by) == ("open", "the administrator")
    assert (detail.proposal.based_on, detail.proposal.version) == (first, submitted.version)
    assert [(one.path, one.change) for one in detail.diff.files] == [("coverage.json", "changed")]
    assert kit.do_as(bob, approve_proposal, proposal_id) == submitted.version
    view = kit.see(rule_set_in_force)
    assert (view.version, view.published_by, view.approved_by) == (
        submitted.version,
        "the administrator",
        "Bob",
    )
    assert view.note == "Printers wait"
    (listed,) = kit.see(list_proposals, state="approved").items
    assert (listed.decided_by, listed.decided_at) == ("Bob", kit.clock.at)
    with pytest.raises(StateForbids):
        kit.do_as(bob, approve_proposal, proposal_id)
    sent = {(row.event, row.recipient) for row in kit.rows(t.outbox)}
    addresses = {row.name: row.email for row in kit.rows(t.user_account)}
    assert ("rules_proposed", addresses["Bob"]) in sent
    assert ("rules_proposed", addresses["the administrator"]) not in sent
    assert ("rules_published", addresses["the administrator"]) in sent


def test_proposers_cannot_approve_their_own_proposals(kit: Kit, first: str, bob: Actor) -> None:
    proposal_id = proposed(kit)
    for actor in (kit.administrator, kit.supervisor, kit.finance, SYSTEM):
        with pytest.raises(NotAllowed):
            kit.do_as(actor, approve_proposal, proposal_id)
    assert kit.do(submit_rule_set, edited(2), "Alone").proposal is not None
    assert kit.see(rule_set_in_force).version == first
    assert len(kit.see(list_publications).items) == 1


def test_a_rejection_has_a_reason_and_the_rule_set_may_be_proposed_again(
    kit: Kit, first: str, bob: Actor
) -> None:
    proposal_id = proposed(kit)
    with pytest.raises(StateForbids, match="already"):
        kit.do_as(bob, submit_rule_set, edited(), "The same")
    with pytest.raises(InvalidInput):
        kit.do_as(bob, reject_proposal, proposal_id, "  ")
    kit.do_as(bob, reject_proposal, proposal_id, "Phones too, please")
    with pytest.raises(StateForbids):
        kit.do_as(bob, approve_proposal, proposal_id)
    again = proposed(kit)
    kit.do(reject_proposal, again, "Taken back")
    states = [(one.state, one.reason) for one in kit.see(list_proposals).items]
    assert states == [("rejected", "Taken back"), ("rejected", "Phones too, please")]
    assert kit.see(list_proposals, state="open").items == []
    assert kit.see(rule_set_in_force).version == first
    with pytest.raises(NotFound):
        kit.do_as(bob, reject_proposal, "nothing", "No")
    with pytest.raises(NotFound):
        kit.see(read_proposal, "nothing")


def test_a_proposal_made_before_a_publication_needs_a_new_base(kit: Kit, first: str, bob: Actor) -> None:
    one, two = proposed(kit, 1), proposed(kit, 2)
    now = kit.do_as(bob, approve_proposal, one)
    with pytest.raises(RulesChanged):
        kit.do_as(bob, approve_proposal, two)
    with pytest.raises(RulesChanged):
        kit.do_as(bob, approve_proposal, two, based_on=first)
    version = kit.do_as(bob, approve_proposal, two, based_on=now)
    assert kit.see(rule_set_in_force).version == version


def test_a_proposal_is_checked_again(kit: Kit, first: str, bob: Actor) -> None:
    """Contracts of a type that it does not have were sold in the meantime."""
    without = {path: text for path, text in SHIPPED.items() if path != "contract_types/incident_pack.json"}
    without = without | {"coverage.json": without["coverage.json"].replace(', "incident_pack"', "")}
    proposal_id = str(kit.do(submit_rule_set, without, "").proposal)
    ann = kit.customer("Ann")
    with kit.desk.write() as tx:
        tx.add(
            t.contract, id="one", number="PACK-1", type="incident_pack", draws="incidents",
            holder_kind="customer", holder_id=ann, time_zone="UTC", state="expired",
            starts_at=tx.now, created_at=tx.now,
            created_by="test",
        )  # fmt: skip
    with pytest.raises(RuleSetRefused):
        kit.do_as(bob, approve_proposal, proposal_id)
    assert kit.see(read_proposal, proposal_id).proposal.state == "open"
    assert kit.see(rule_set_in_force).version == first


def test_a_rollback_is_proposed_too(kit: Kit, bob: Actor) -> None:
    first = kit.desk.config.rules.version
    second = kit.publish(edited(), "")
    kit.do(change_settings, {"two_person_publishing": True})
    submitted = kit.do(submit_rollback, first[:8])
    assert (submitted.version, kit.see(rule_set_in_force).version) == (first, second)
    assert kit.do_as(bob, approve_proposal, str(submitted.proposal)) == first
    assert kit.see(rule_set_in_force).note == f"Rolled back to {first[:8]}"


def test_without_the_setting_a_rule_set_is_published_at_once(kit: Kit) -> None:
    submitted = kit.do(submit_rule_set, edited(), "")
    assert submitted == Submitted(kit.see(rule_set_in_force).version)


def test_the_first_rule_set_needs_no_approval(bare_kit: Kit) -> None:
    bare_kit.do(change_settings, {"two_person_publishing": True})
    assert publish_first(bare_kit.desk, SHIPPED) == bare_kit.see(rule_set_in_force).version


def test_versions_are_compared_file_by_file(kit: Kit) -> None:
    first = kit.desk.config.rules.version
    changed = {path: text for path, text in SHIPPED.items() if path != "variants/customer_first.json"}
    changed |= {"variants/mine.json": SHIPPED["coverage.json"]}
    changed |= {"coverage.json": SHIPPED["coverage.json"].replace("Item, customer", "Item, then customer")}
    changed |= {"charging.json": SHIPPED["charging.json"].replace("\n", "\r\n")}
    second = kit.publish(changed, "")
    view = kit.see_as(kit.supervisor, diff_rule_sets, first[:8], second)
    assert (view.from_version, view.to_version) == (first, second)
    assert [(one.path, one.change) for one in view.files] == [
        ("charging.json", "changed"),
        ("coverage.json", "changed"),
        ("variants/customer_first.json", "removed"),
        ("variants/mine.json", "added"),
    ]
    assert view.files[0].diff == "Only line ends differ."
    assert '+  "name": "Item, then customer, org unit",' in view.files[1].diff.splitlines()
    assert kit.see(diff_rule_sets, first) == view
    assert kit.see(diff_rule_sets).files == []
    with pytest.raises(InvalidInput):
        kit.see(diff_rule_sets, "0" * 64)
    with pytest.raises(NotAllowed):
        kit.see_as(kit.technician, diff_rule_sets, first)


def test_the_rule_set_in_force_is_not_published_again(kit: Kit) -> None:
    files, in_force = read_rules_folder(RULES), kit.desk.config.version
    for two_persons in (False, True):
        kit.do(change_settings, {"two_person_publishing": two_persons})
        before = len(kit.rows(t.rule_publication)), len(kit.rows(t.outbox))
        done = kit.do(submit_rule_set, files, "Nothing new")
        assert (done.version, done.unchanged, done.proposal) == (in_force, True, None)
        assert (len(kit.rows(t.rule_publication)), len(kit.rows(t.outbox))) == before
        assert kit.rows(t.rule_proposal) == []
