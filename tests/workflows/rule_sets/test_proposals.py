"""Publishing with approval, and administrators who edit at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.rulebook import RuleSetRefused
from tests.support.builders import RULES, DeskFixture
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
def first(new_desk: DeskFixture) -> str:
    """The version in force when approval becomes required."""
    new_desk.do(change_settings, {"two_person_publishing": True})
    return new_desk.desk.config.rules.version


@pytest.fixture
def bob(new_desk: DeskFixture) -> Actor:
    """A second administrator."""
    return new_desk.person("administrator", "Bob")


def proposed(new_desk: DeskFixture, number: int = 1) -> str:
    submitted = new_desk.do(submit_rule_set, edited(number), "Why")
    assert submitted.proposal is not None
    return submitted.proposal


def test_the_second_editor_gets_an_error_and_overwrites_nothing(new_desk: DeskFixture) -> None:
    base = new_desk.desk.config.rules.version
    one = new_desk.publish(edited(1), "One", based_on=base)
    with pytest.raises(RulesChanged) as refusal:
        new_desk.publish(edited(2), "Two", based_on=base)
    assert (refusal.value.values["in_force"], refusal.value.values["based_on"]) == (one, base)
    assert new_desk.see(rule_set_in_force).version == one
    with pytest.raises(RulesChanged):
        new_desk.do(submit_rollback, base, based_on=base)
    new_desk.publish(edited(2), "Two, based on one", based_on=one)


def test_of_two_editors_at_once_one_gets_an_error(new_desk: DeskFixture) -> None:
    base = new_desk.desk.config.rules.version

    def publish(number: int) -> object:
        try:
            with new_desk.desk.write(new_desk.administrator) as tx:
                return submit_rule_set(tx, edited(number), "", based_on=base).version
        except RulesChanged as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(publish, (1, 2)))
    assert sorted(isinstance(one, RulesChanged) for one in found) == [False, True]
    assert len(new_desk.rows(t.rule_publication)) == 2


def test_a_proposal_is_published_when_another_approves(new_desk: DeskFixture, first: str, bob: Actor) -> None:
    submitted = new_desk.do(submit_rule_set, edited(), "Printers wait")
    assert new_desk.see(rule_set_in_force).version == first
    proposal_id = str(submitted.proposal)
    detail = new_desk.see_as(new_desk.supervisor, read_proposal, proposal_id)
    assert (detail.proposal.state, detail.proposal.proposed_by) == ("open", "the administrator")
    assert (detail.proposal.based_on, detail.proposal.version) == (first, submitted.version)
    assert [(one.path, one.change) for one in detail.diff.files] == [("coverage.json", "changed")]
    assert new_desk.do_as(bob, approve_proposal, proposal_id) == submitted.version
    view = new_desk.see(rule_set_in_force)
    assert (view.version, view.published_by, view.approved_by) == (
        submitted.version,
        "the administrator",
        "Bob",
    )
    assert view.note == "Printers wait"
    (listed,) = new_desk.see(list_proposals, state="approved").items
    assert (listed.decided_by, listed.decided_at) == ("Bob", new_desk.clock.at)
    with pytest.raises(StateForbids):
        new_desk.do_as(bob, approve_proposal, proposal_id)
    sent = {(row.event, row.recipient) for row in new_desk.rows(t.outbox)}
    addresses = {row.name: row.email for row in new_desk.rows(t.user_account)}
    assert ("rules_proposed", addresses["Bob"]) in sent
    assert ("rules_proposed", addresses["the administrator"]) not in sent
    assert ("rules_published", addresses["the administrator"]) in sent


def test_proposers_cannot_approve_their_own_proposals(new_desk: DeskFixture, first: str, bob: Actor) -> None:
    proposal_id = proposed(new_desk)
    for actor in (new_desk.administrator, new_desk.supervisor, new_desk.finance, SYSTEM):
        with pytest.raises(NotAllowed):
            new_desk.do_as(actor, approve_proposal, proposal_id)
    assert new_desk.do(submit_rule_set, edited(2), "Alone").proposal is not None
    assert new_desk.see(rule_set_in_force).version == first
    assert len(new_desk.see(list_publications).items) == 1


def test_a_rejection_has_a_reason_and_the_rule_set_may_be_proposed_again(
    new_desk: DeskFixture, first: str, bob: Actor
) -> None:
    proposal_id = proposed(new_desk)
    with pytest.raises(StateForbids, match="already"):
        new_desk.do_as(bob, submit_rule_set, edited(), "The same")
    with pytest.raises(InvalidInput):
        new_desk.do_as(bob, reject_proposal, proposal_id, "  ")
    new_desk.do_as(bob, reject_proposal, proposal_id, "Phones too, please")
    with pytest.raises(StateForbids):
        new_desk.do_as(bob, approve_proposal, proposal_id)
    again = proposed(new_desk)
    new_desk.do(reject_proposal, again, "Taken back")
    states = [(one.state, one.reason) for one in new_desk.see(list_proposals).items]
    assert states == [("rejected", "Taken back"), ("rejected", "Phones too, please")]
    assert new_desk.see(list_proposals, state="open").items == []
    assert new_desk.see(rule_set_in_force).version == first
    with pytest.raises(NotFound):
        new_desk.do_as(bob, reject_proposal, "nothing", "No")
    with pytest.raises(NotFound):
        new_desk.see(read_proposal, "nothing")


def test_a_proposal_made_before_a_publication_needs_a_new_base(
    new_desk: DeskFixture, first: str, bob: Actor
) -> None:
    one, two = proposed(new_desk, 1), proposed(new_desk, 2)
    now = new_desk.do_as(bob, approve_proposal, one)
    with pytest.raises(RulesChanged):
        new_desk.do_as(bob, approve_proposal, two)
    with pytest.raises(RulesChanged):
        new_desk.do_as(bob, approve_proposal, two, based_on=first)
    version = new_desk.do_as(bob, approve_proposal, two, based_on=now)
    assert new_desk.see(rule_set_in_force).version == version


def test_a_proposal_is_checked_again(new_desk: DeskFixture, first: str, bob: Actor) -> None:
    """Contracts of a type that it does not have were sold in the meantime."""
    without = {path: text for path, text in SHIPPED.items() if path != "contract_types/incident_pack.json"}
    without = without | {"coverage.json": without["coverage.json"].replace(', "incident_pack"', "")}
    proposal_id = str(new_desk.do(submit_rule_set, without, "").proposal)
    ann = new_desk.customer("Ann")
    with new_desk.desk.write() as tx:
        tx.add(
            t.contract, id="one", number="PACK-1", type="incident_pack", draws="incidents",
            holder_kind="customer", holder_id=ann, time_zone="UTC", state="expired",
            starts_at=tx.now, created_at=tx.now,
            created_by="test",
        )  # fmt: skip
    with pytest.raises(RuleSetRefused):
        new_desk.do_as(bob, approve_proposal, proposal_id)
    assert new_desk.see(read_proposal, proposal_id).proposal.state == "open"
    assert new_desk.see(rule_set_in_force).version == first


def test_a_rollback_is_proposed_too(new_desk: DeskFixture, bob: Actor) -> None:
    first = new_desk.desk.config.rules.version
    second = new_desk.publish(edited(), "")
    new_desk.do(change_settings, {"two_person_publishing": True})
    submitted = new_desk.do(submit_rollback, first[:8])
    assert (submitted.version, new_desk.see(rule_set_in_force).version) == (first, second)
    assert new_desk.do_as(bob, approve_proposal, str(submitted.proposal)) == first
    assert new_desk.see(rule_set_in_force).note == f"Rolled back to {first[:8]}"


def test_without_the_setting_a_rule_set_is_published_at_once(new_desk: DeskFixture) -> None:
    submitted = new_desk.do(submit_rule_set, edited(), "")
    assert submitted == Submitted(new_desk.see(rule_set_in_force).version)


def test_the_first_rule_set_needs_no_approval(bare_desk: DeskFixture) -> None:
    bare_desk.do(change_settings, {"two_person_publishing": True})
    assert publish_first(bare_desk.desk, SHIPPED) == bare_desk.see(rule_set_in_force).version


def test_versions_are_compared_file_by_file(new_desk: DeskFixture) -> None:
    first = new_desk.desk.config.rules.version
    changed = {path: text for path, text in SHIPPED.items() if path != "variants/customer_first.json"}
    changed |= {"variants/mine.json": SHIPPED["coverage.json"]}
    changed |= {"coverage.json": SHIPPED["coverage.json"].replace("Item, customer", "Item, then customer")}
    changed |= {"charging.json": SHIPPED["charging.json"].replace("\n", "\r\n")}
    second = new_desk.publish(changed, "")
    view = new_desk.see_as(new_desk.supervisor, diff_rule_sets, first[:8], second)
    assert (view.from_version, view.to_version) == (first, second)
    assert [(one.path, one.change) for one in view.files] == [
        ("charging.json", "changed"),
        ("coverage.json", "changed"),
        ("variants/customer_first.json", "removed"),
        ("variants/mine.json", "added"),
    ]
    assert view.files[0].diff == "Only line ends differ."
    assert '+  "name": "Item, then customer, org unit",' in view.files[1].diff.splitlines()
    assert new_desk.see(diff_rule_sets, first) == view
    assert new_desk.see(diff_rule_sets).files == []
    with pytest.raises(InvalidInput):
        new_desk.see(diff_rule_sets, "0" * 64)
    with pytest.raises(NotAllowed):
        new_desk.see_as(new_desk.technician, diff_rule_sets, first)


def test_the_rule_set_in_force_is_not_published_again(new_desk: DeskFixture) -> None:
    files, in_force = read_rules_folder(RULES), new_desk.desk.config.version
    for two_persons in (False, True):
        new_desk.do(change_settings, {"two_person_publishing": two_persons})
        before = len(new_desk.rows(t.rule_publication)), len(new_desk.rows(t.outbox))
        done = new_desk.do(submit_rule_set, files, "Nothing new")
        assert (done.version, done.unchanged, done.proposal) == (in_force, True, None)
        assert (len(new_desk.rows(t.rule_publication)), len(new_desk.rows(t.outbox))) == before
        assert new_desk.rows(t.rule_proposal) == []
