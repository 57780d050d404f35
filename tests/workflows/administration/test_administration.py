"""Settings, their audit trail, and the activation of billing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.builders import DeskFixture
from tests.support.sample_desk import SampleDesk
from workflows.administration.activation import activate_billing, assign_items, billing_checklist
from workflows.administration.settings import (
    change_settings,
    list_setting_changes,
    read_settings,
    settings_version,
)
from workflows.commands.administration import ActivateBilling, AssignItems
from workflows.commands.register import OwnerGiven
from workflows.core.errors import InvalidInput, NotAllowed, StateForbids, VersionChanged
from workflows.register import get_item
from workflows.store import tables as t
from workflows.views.register import OrgUnitOwner


def activate(new_desk: DeskFixture, **fields: Any) -> None:
    new_desk.do(activate_billing, ActivateBilling.model_validate(fields))


def test_settings_start_as_shipped(bare_desk: DeskFixture) -> None:
    settings = bare_desk.see(read_settings)
    assert not settings.contracts
    assert not settings.invoices
    assert settings.time_expired_contract is None
    assert (settings.reopen_window_days, settings.auto_close_days) == (14, 7)
    assert settings.rounding.increment_minutes == 1


def test_changes_are_merged_and_recorded_per_setting(bare_desk: DeskFixture) -> None:
    bare_desk.do(
        change_settings,
        {"rounding": {"increment_minutes": 15}, "currency": "CHF", "reopen_window_days": 14},
    )
    settings = bare_desk.see(read_settings)
    assert (settings.rounding.increment_minutes, settings.rounding.scope) == (15, "entry")
    assert settings.currency == "CHF"
    trail = bare_desk.see(list_setting_changes).items
    assert {line.key for line in trail} == {"rounding", "currency"}
    (currency,) = bare_desk.see(list_setting_changes, key="currency").items
    assert (currency.old_value, currency.new_value, currency.changed_by) == (
        "EUR",
        "CHF",
        "the administrator",
    )
    assert bare_desk.see(settings_version) == 2


def test_a_setting_can_be_cleared(bare_desk: DeskFixture) -> None:
    bare_desk.do(change_settings, {"default_overage_rate_minor": 8_000})
    assert bare_desk.see(read_settings).default_overage_rate_minor == 8_000
    bare_desk.do(change_settings, {"default_overage_rate_minor": None})
    assert bare_desk.see(read_settings).default_overage_rate_minor is None


@pytest.mark.parametrize("name", ["unpaid_cancel_days", "alert_thresholds_percent"])
def test_a_setting_that_nothing_reads_is_unknown(bare_desk: DeskFixture, name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        bare_desk.do(change_settings, {name: 1})
    assert name not in bare_desk.see(read_settings).model_dump()


def test_stored_settings_that_nothing_reads_are_left_out(sample: SampleDesk) -> None:
    """A desk may have set them by an earlier program."""
    sample.set(
        invoices=True,
        tax_rates=[{"name": "Standard", "basis_points": 1900}],
        slogan="Always on",
        company={"name": "Northwind", "slogan": "Always on"},
        time_expired_contract="bill",
        default_overage_rate_minor=8_000,
    )
    settings = sample.see(read_settings)
    assert (settings.invoices, settings.company.name) == (True, "Northwind")
    assert "slogan" not in settings.model_dump()
    sample.do(change_settings, {"invoices": True, "cascade": True})
    assert [one.name for one in settings.tax_rates] == ["No tax"]
    assert sample.do(change_settings, {"invoices": False, "time_expired_contract": "ignore"}).cascade


@pytest.mark.parametrize(
    "changes",
    [
        {"nonsense": 1},
        {"currency": "XXX"},
        {"time_zone": "Mars/Base"},
        {"rounding": {"increment_minutes": 0}},
        {"rounding": {"nonsense": 1}},
        {"rounding": None},
        {"reopen_window_days": "14"},
        {"reopen_window_days": 10**30},
        {"contracts": None},
        {"contract_validation": "yes"},
        {"work_calendar": {"weekly": {"xyz": []}}},
        {"work_calendar": {"weekly": {"mon": [{"opens": "17:00", "closes": "09:00"}]}}},
        {"time_expired_contract": "bill"},
        {"company": {"vat_id": "DE1"}},
    ],
)
def test_invalid_changes_change_nothing(bare_desk: DeskFixture, changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        bare_desk.do(change_settings, {"currency": "CHF", **changes})
    assert bare_desk.rows(t.setting) == []
    assert bare_desk.rows(t.setting_change) == []


def test_two_concurrent_changes_both_take_effect(bare_desk: DeskFixture) -> None:
    bare_desk.do(change_settings, {"reopen_window_days": 10})

    def change(changes: dict[str, Any]) -> None:
        bare_desk.desk.perform(bare_desk.administrator, lambda tx: change_settings(tx, changes))

    with ThreadPoolExecutor(2) as threads:
        list(
            threads.map(
                change, [{"rounding": {"increment_minutes": 15}}, {"rounding": {"minimum_minutes": 30}}]
            )
        )
    rounding = bare_desk.see(read_settings).rounding
    assert (rounding.increment_minutes, rounding.minimum_minutes) == (15, 30)


def test_a_change_can_require_a_version(bare_desk: DeskFixture) -> None:
    bare_desk.do(change_settings, {"currency": "CHF"}, expected_version=0)
    with pytest.raises(VersionChanged):
        bare_desk.do(change_settings, {"currency": "EUR"}, expected_version=0)


def test_who_may_change_settings(bare_desk: DeskFixture) -> None:
    for actor in (bare_desk.finance, bare_desk.supervisor, bare_desk.technician):
        with pytest.raises(NotAllowed):
            bare_desk.do_as(actor, change_settings, {"currency": "CHF"})
        assert bare_desk.see_as(actor, read_settings).currency == "EUR"


def test_contracts_are_switched_on_only_by_activation(new_desk: DeskFixture) -> None:
    with pytest.raises(StateForbids, match="POST /api/v1/billing/activate"):
        new_desk.do(change_settings, {"contracts": True})
    assert not new_desk.see(read_settings).contracts


def test_activation_lists_the_open_steps(new_desk: DeskFixture) -> None:
    acme = new_desk.org_unit("ACME")
    new_desk.item("OWNED", org_unit=acme)
    nobodys = new_desk.item("NOBODYS")
    with pytest.raises(StateForbids) as refusal:
        activate(new_desk, currency="CHF")
    assert [left["step"] for left in refusal.value.values["left"]] == [  # type: ignore[attr-defined]
        "global_items",
        "time_expired_contract",
    ]
    assert refusal.value.values["global_items"] == [
        {"id": nobodys, "number": "NOBODYS", "name": "Item NOBODYS"}
    ]
    assert new_desk.see(read_settings).currency == "EUR"
    checklist = new_desk.see(billing_checklist)
    assert (checklist.active, checklist.ready, checklist.global_items_count) == (False, False, 1)
    assert [view.id for view in checklist.global_items] == [nobodys]


def test_activation_can_change_settings(new_desk: DeskFixture) -> None:
    activate(new_desk, time_expired_contract="rollover", contract_validation=False, time_zone="Europe/Berlin")
    settings = new_desk.see(read_settings)
    assert (settings.contracts, settings.time_expired_contract) == (True, "rollover")
    assert (settings.contract_validation, settings.time_zone) == (False, "Europe/Berlin")
    assert new_desk.see(billing_checklist).active
    activate(new_desk, time_expired_contract="ignore")
    assert new_desk.see(read_settings).time_expired_contract == "ignore"


def test_activation_needs_a_rule_set(bare_desk: DeskFixture) -> None:
    with pytest.raises(StateForbids, match="No rule set is in force"):
        activate(bare_desk, time_expired_contract="ignore")


def test_activation_refuses_invalid_settings(new_desk: DeskFixture) -> None:
    with pytest.raises(ValidationError):
        activate(new_desk, time_expired_contract="ignore", time_zone="Mars/Base")
    with pytest.raises(ValidationError):
        activate(new_desk, time_expired_contract="bill")
    assert not new_desk.see(read_settings).contracts


def test_a_payment_can_be_required_without_invoices(new_desk: DeskFixture) -> None:
    new_desk.do(change_settings, {"payment_required": True})
    activate(new_desk, time_expired_contract="ignore")
    settings = new_desk.see(read_settings)
    assert (settings.contracts, settings.invoices, settings.payment_required) == (True, False, True)


def test_contracts_are_switched_off_and_on_again(new_desk: DeskFixture) -> None:
    activate(new_desk, time_expired_contract="ignore")
    new_desk.do(change_settings, {"contracts": True})
    new_desk.do(change_settings, {"contracts": False})
    assert not new_desk.see(read_settings).contracts
    nobodys = new_desk.item("NOBODYS")
    with pytest.raises(StateForbids):
        activate(new_desk)
    new_desk.do(
        assign_items, AssignItems(owner=OwnerGiven(org_unit=new_desk.org_unit("ACME")), items=[nobodys])
    )
    activate(new_desk)
    assert new_desk.see(read_settings).contracts


def test_an_item_created_during_activation_needs_an_owner(new_desk: DeskFixture) -> None:
    def make(_: int) -> None:
        new_desk.item("NOBODYS")

    def switch(_: int) -> None:
        new_desk.desk.perform(
            new_desk.administrator,
            lambda tx: activate_billing(tx, ActivateBilling(time_expired_contract="ignore")),
        )

    with ThreadPoolExecutor(2) as threads:
        outcomes = [threads.submit(work, 0).exception() for work in (make, switch)]
    assert [type(outcome) for outcome in outcomes].count(StateForbids) == 1
    assert new_desk.see(read_settings).contracts != bool(new_desk.rows(t.item))


def test_service_requests_open_at_activation_are_marked(new_desk: DeskFixture) -> None:
    ann = new_desk.customer("Ann")
    for number, state in enumerate(("open", "in_progress", "resolved", "closed", "cancelled")):
        with new_desk.desk.write() as tx:
            tx.add(
                t.service_request,
                id=f"request-{number}",
                number=f"SR-{number}",
                subject="Help",
                customer_id=ann,
                priority="normal",
                state=state,
                opened_at=tx.now,
                created_by="test",
            )
    activate(new_desk, time_expired_contract="ignore")
    marked = {row.state for row in new_desk.rows(t.service_request, before_contracts=True)}
    assert marked == {"open", "in_progress", "resolved"}


def test_global_items_are_assigned_in_bulk(new_desk: DeskFixture) -> None:
    acme = new_desk.org_unit("ACME")
    owned = new_desk.item("OWNED", customer=new_desk.customer("Ann"))
    items = [new_desk.item(f"I{number}") for number in range(4)]
    first = new_desk.do(assign_items, AssignItems(owner=OwnerGiven(org_unit=acme), items=items[:1]))
    assert (first.assigned, first.left) == (1, 3)
    rest = new_desk.do(assign_items, AssignItems(owner=OwnerGiven(org_unit=acme)))
    assert (rest.assigned, rest.left) == (3, 0)
    assert {new_desk.see(get_item, one).owner for one in items} == {OrgUnitOwner(acme)}
    assert new_desk.see(get_item, items[0]).version == 2
    assert new_desk.see(get_item, owned).version == 1
    assert len(new_desk.rows(t.audit_event, action="assigned")) == 4


def test_if_one_item_cannot_be_assigned_none_is(new_desk: DeskFixture) -> None:
    acme = new_desk.org_unit("ACME")
    free, owned = new_desk.item("FREE"), new_desk.item("OWNED", org_unit=acme)
    for bad, words in ((owned, "belongs to"), ("nothing", "no item with the id")):
        command = AssignItems(owner=OwnerGiven(org_unit=acme), items=[free, bad])
        with pytest.raises(InvalidInput, match=words) as refusal:
            new_desk.do(assign_items, command)
        assert refusal.value.values["pointer"] == "/items/1"
    assert new_desk.see(get_item, free).owner is None


def test_the_checklist_pages_its_items(new_desk: DeskFixture) -> None:
    for number in range(5):
        new_desk.item(f"I{number}")
    first = new_desk.see(billing_checklist, limit=3)
    assert (len(first.global_items), first.global_items_count) == (3, 5)
    second = new_desk.see(billing_checklist, limit=3, cursor=first.next_cursor)
    assert [view.number for view in second.global_items] == ["I3", "I4"]
