"""Contract pages: creating, viewing and acting on contracts."""

import csv
import io
from datetime import timedelta

import pytest

from tests.support.builders import RULES
from tests.support.web_clients import WebClients
from workflows.contracts.queries import read_contract
from workflows.store import tables as t


def test_a_contract_is_created_for_a_holder_found_by_search(web: WebClients) -> None:
    sample = web.sample
    sue = web.supervisor
    page = sue.open("/contracts/new")
    found = sue.send(page, holder_q="berlin", type="support_hours", minutes="20:00", price="1.800,00")
    assert found.status == 200
    assert found.form().values["type"] == "support_hours"
    assert found.form().values["minutes"] == "20:00"
    done = sue.send(found)
    assert "has been created for Acme-Berlin" in done
    assert "20:00 of 20:00 left" in done
    assert "€1,800.00" in done
    [contract] = sample.rows(t.contract)
    assert (contract.holder_id, contract.price_minor) == (sample.site, 180000)
    again = sue.send(found)
    assert again.path == done.path
    assert len(sample.rows(t.contract)) == 1


def test_the_new_contract_link_preselects_the_holder(web: WebClients) -> None:
    page = web.supervisor.open(f"/customers/{web.sample.ann}")
    assert f"/contracts/new?holder=customer:{web.sample.ann}" in page.html
    form = web.supervisor.open(f"/contracts/new?holder=customer:{web.sample.ann}").form()
    assert form.values["holder"] == f"customer:{web.sample.ann}"


BY_MONTH = {"type": "support_hours_by_month", "minutes": "2:00"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"type": None}, "Select an option."),
        ({"holder": None}, "This field is required."),
        ({"minutes": "grants"}, "is not a duration"),
        ({"price": "much"}, "is not an amount in EUR"),
        ({"starts_on": "2026-02-31"}, "is not a date"),
        ({"starts_on": "0000-01-01"}, "is not a date"),
        ({"type": "subscription", "starts_on": "2026-05-01", "ends_on": "2026-04-01"}, "end"),
        ({"type": "incident_pack", "incidents": "-3"}, "is not a whole number"),
        ({"minutes": "99999:00"}, ""),
        ({"type": "nothing_known"}, ""),
        ({"rounding_increment_minutes": "0"}, "It must be at least 1"),
        ({"rounding_increment_minutes": "5", "rounding_grace_minutes": "7"}, "must be smaller than"),
        ({"rounding_minimum_minutes": "often"}, "is not a whole number of minutes"),
        ({**BY_MONTH, "carry_over_months": "-1"}, "is not a whole number"),
        ({**BY_MONTH, "carry_over_months": "121"}, "It must be at most 120"),
        ({**BY_MONTH, "carry_over_cap": "1:00"}, "This field is required."),
        ({**BY_MONTH, "carry_over_months": "1", "carry_over_cap": "120%"}, "It must be at most 100"),
        ({**BY_MONTH, "borrow_cap": "half"}, "“half” is neither a duration nor a percentage."),
        ({"borrow_cap": "1:00"}, "This contract is not granted its minutes by the month."),
        ({"carry_over_months": "2"}, "This contract is not granted its minutes by the month."),
    ],
)
def test_invalid_terms_are_reported_and_keep_the_typed_values(
    web: WebClients, values: dict[str, str], words: str
) -> None:
    page = web.supervisor.open("/contracts/new")
    sent = {"holder": f"customer:{web.sample.ann}", "type": "support_hours", "overage_rate": "90"} | values
    wrong = web.supervisor.send(page, **sent)
    if not words and wrong.status == 200:
        return
    assert wrong.status == 422
    assert words in wrong
    assert wrong.form().values["overage_rate"] == "90"
    assert web.sample.rows(t.contract) == []


def test_rounding_and_rate_card_are_terms_of_the_contract(web: WebClients) -> None:
    page = web.supervisor.open("/contracts/new")
    sent = {"holder": f"customer:{web.sample.ann}", "type": "support_hours", "minutes": "10"}
    sent |= {"rounding_increment_minutes": "15", "rounding_scope": "service_request", "rate_card": "standard"}
    shown = web.supervisor.send(page, **sent)
    [row] = web.sample.rows(t.contract)
    assert row.rounding == {
        "increment_minutes": 15,
        "minimum_minutes": 0,
        "grace_minutes": 0,
        "scope": "service_request",
    }
    assert row.rate_card == "standard"
    shown = web.supervisor.open(f"/contracts/{row.id}")
    assert "Up to 15 minutes; all work on a request" in shown
    assert "Rate card" in shown


def test_months_that_carry_over_and_draw_ahead_are_shown(web: WebClients) -> None:
    sample, sue = web.sample, web.supervisor
    page = sue.open("/contracts/new")
    sent = {
        "holder": f"customer:{sample.ann}",
        **BY_MONTH,
        "starts_on": "2026-02-02",
        "time_expired": "ignore",
    }
    sent |= {"carry_over_months": "2", "carry_over_cap": "50%", "borrow_cap": "0:45"}
    sue.send(page, **sent)
    [row] = sample.rows(t.contract)
    assert row.carry_over == {"months": 2, "cap_minutes": None, "cap_percent": 50}
    assert row.borrow == {"cap_minutes": 45, "cap_percent": None}
    request = sample.log()
    sample.work(request, 75, at=sample.clock.now() - timedelta(days=5))
    logged = sample.work(request, 190)
    assert logged == [("grant", 120), ("grant", 45), ("grant", 25)]
    shown = sue.open(f"/contracts/{row.id}")
    assert "Up to 50 % of each month, for 2 more months" in shown
    assert "Up to 0:45 of the next month" in shown
    assert "0:25 has been drawn ahead on the next month, which will begin with that much less." in shown
    assert "1:00 carried over to later months" in shown
    assert "0:15 no longer carried over" in shown
    assert "Carried over from month 1" in shown
    work = sue.open(f"/requests/{request}")
    number = sample.contract(row.id).number
    assert f"2:45 from {number}, 0:25 drawn ahead on the next month of {number}" in work
    csv_text = sue.client.get(f"/contracts/{row.id}/statement.csv").get_data(as_text=True)
    assert "borrow" in csv_text
    assert "carry_over" in csv_text
    assert sue.client.get(f"/contracts/{row.id}/statement.pdf").status_code == 200


def test_the_months_of_a_contract_may_differ_from_the_types(web: WebClients) -> None:
    sample, sue = web.sample, web.supervisor
    file = (RULES / "contract_types" / "support_hours_by_month.json").read_text()
    carrying = file.replace(
        '"allocation": "monthly",', '"allocation": "monthly", "carry_over": {"months": 1},'
    )
    sample.publish_rules(contract_types__support_hours_by_month=carrying)
    page = sue.open("/contracts/new")
    assert "carried over: what is left of each month, for 1 more month" in page
    sent = {"holder": f"customer:{sample.ann}", **BY_MONTH}
    sue.send(page, **sent)
    sue.send(sue.open("/contracts/new"), **sent, carry_over_months="0")
    rows = sorted(sample.rows(t.contract), key=lambda row: row.id)
    assert [row.carry_over for row in rows] == [
        {"months": 1, "cap_minutes": None, "cap_percent": None},
        None,
    ]


def test_the_contract_list_views_and_filters(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription", starts_on="2026-01-01", ends_on="2026-03-15")
    sample.sell("subscription", starts_on="2026-05-01", ends_on="2026-12-31")
    used = sample.sell("support_hours", minutes=30, to=("org_unit", sample.parent))
    sample.work(sample.log("Long", customer=sample.customer("Dee", sample.parent), item=None), 45)
    fay = web.finance
    assert "SUB-0001" in fay.open("/contracts?view=soon")
    assert "SUB-0002" not in fay.open("/contracts?view=soon")
    assert "SUB-0002" in fay.open("/contracts?view=pending")
    assert sample.contract(used).number in fay.open("/contracts?view=exhausted")
    assert "Used up" in fay.open("/contracts?view=exhausted")
    assert sample.contract(used).number in fay.open("/contracts?q=acme")
    assert "Cancelled contracts appear here" in fay.open("/contracts?view=cancelled")
    assert "SUB-0001" in fay.open(f"/contracts?holder={sample.ann}")
    text = fay.client.get("/contracts?format=csv&order=number").get_data(as_text=True)
    assert "SH-0001,Support hours,Acme,,,exhausted,,2026-03-02,,0:30,0:30,0:00,0:00,0:00," in text


def test_an_ended_contract_shows_its_end_and_carried_time(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=600, ends_on="2026-03-03")
    request = sample.log()
    sample.work(request, 30)
    sample.clock.move(days=3)
    sample.work(request, 45)
    page = web.supervisor.open(f"/contracts/{contract}")
    assert "Ended on 3 Mar 2026 with 9:30 unused." in page
    assert "0:45 carried over to the holder's next contract" in page
    assert 'class="burn-projection"' not in page.html
    assert "Rollover: carried forward to the holder's next contract (from the settings)" in page


def test_the_list_shows_to_whom_a_holder_belongs(web: WebClients) -> None:
    sample = web.sample
    bob = sample.customer("Bob")
    by_holder = {
        "LAP-1 Item LAP-1 Ann , Acme-Berlin": sample.sell("subscription", to=("item", sample.laptop)),
        "Ann Acme-Berlin Subscription": sample.sell("subscription"),
        "Acme-Berlin part of Acme Subscription": sample.sell("subscription", to=("org_unit", sample.site)),
        "Acme Subscription": sample.sell("subscription", to=("org_unit", sample.parent)),
        "Bob Subscription": sample.sell("subscription", to=("customer", bob)),
    }
    page = web.supervisor.open("/contracts")
    for words in by_holder:
        assert words in page, words
    text = web.supervisor.client.get("/contracts?format=csv&order=number").get_data(as_text=True)
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    parties = [(row["customer"], row["org_unit"]) for row in rows]
    assert parties == [
        ("Ann", "Acme-Berlin"),
        ("Ann", "Acme-Berlin"),
        ("", "Acme"),
        ("", ""),
        ("Bob", ""),
    ]


def test_the_list_is_filtered_by_org_unit(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription", to=("customer", sample.customer("Bob")))
    assert "Bob" in web.supervisor.open("/contracts")
    for holder in (
        ("org_unit", sample.parent),
        ("org_unit", sample.site),
        ("customer", sample.ann),
        ("item", sample.laptop),
    ):
        sample.sell("subscription", to=holder)
    for typed, count in (("ACME", 4), ("acme-berlin", 3), ("Berlin", 3), (sample.site, 3)):
        page = web.supervisor.open(f"/contracts?org_unit={typed}")
        assert f"{count} contracts" in page, typed
        assert "Bob" not in page
    assert "No matching contracts" in web.supervisor.open("/contracts?org_unit=nowhere")


def test_uncovered_time_is_linked_from_the_overview(web: WebClients) -> None:
    sample = web.sample
    sample.sell("support_hours", minutes=30)
    sample.work(sample.log("Past the end"), 90)
    home = web.supervisor.open("/")
    assert "1:00 carried forward" in home
    assert 'href="/uncovered-time"' in home.html
    page = web.supervisor.open("/uncovered-time")
    assert "Past the end" in page
    assert "Carried forward" in page
    assert "No uncovered time this month" in web.supervisor.open("/uncovered-time?kind=ignored")


def test_a_monthly_contract_shows_allocations_up_to_now(web: WebClients) -> None:
    contract = web.sample.sell("support_hours_by_month", minutes=300, starts_on="2026-01-01")
    page = web.supervisor.open(f"/contracts/{contract}")
    assert "Allocation of month 3" in page
    assert "Allocation of month 4" not in page.text.split("Statement")[1]
    assert "5:00 of 15:00 left" in page


# ------------------------------------------------------------------ actions


def test_a_contract_is_topped_up(web: WebClients) -> None:
    contract = web.sample.sell("support_hours", minutes=60)
    sue = web.supervisor
    page = sue.open(f"/contracts/{contract}")
    wrong = sue.send(page, "/top_up", topup_minutes="some")
    assert wrong.status == 422
    assert wrong.form("/top_up").values["topup_minutes"] == "some"
    assert '<details class="action" open>' in wrong.html
    done = sue.send(wrong, "/top_up", topup_minutes="2:30", topup_expires_on="2026-12-31")
    assert "3:30 of 3:30 left" in done
    assert "2 Mar 2026 – 31 Dec 2026" in done


def test_a_top_up_says_that_it_awaits_its_payment(web: WebClients) -> None:
    web.sample.set(invoices=True, payment_required=True)
    contract = web.sample.sell("support_hours", minutes=60)
    sue = web.supervisor
    page = sue.open(f"/contracts/{contract}")
    typed = page.form("/top_up").values | {"topup_minutes": "2:30", "topup_price": "300"}
    preview = sue.client.post(f"/contracts/{contract}/top_up/effect", data=typed)
    assert "SH-0001: 2:30 for €300.00 await payment." in preview.text
    done = sue.send(page, "/top_up", topup_minutes="2:30", topup_price="300")
    assert "The top-up has been sold. It is added when its invoice is paid and processed." in done
    assert "Waiting for its payment" in done
    assert "Confirm top-up" not in done
    assert "1:00 of 1:00 left" in done


def test_a_top_up_for_some_work_only_is_drawn_first(web: WebClients) -> None:
    contract = web.sample.sell("support_hours", minutes=60)
    sue = web.supervisor
    page = sue.open(f"/contracts/{contract}")
    values = {"topup_minutes": "1:00", "topup_work_types": "travel, on_site", "topup_item_types": "printer"}
    wrong = sue.send(page, "/top_up", **values, topup_priority="first")
    assert wrong.status == 422
    assert "“first” is not a whole number, 0 or more." in wrong
    done = sue.send(wrong, "/top_up", **values, topup_priority="10")
    assert "Priority 10" in done
    assert "Only where (work type is travel or work type is on_site) and item type is printer" in done
    [_, grant] = web.sample.see(read_contract, contract).grants
    assert (grant.priority, grant.scope) == (
        10,
        {
            "all": [
                {
                    "any": [
                        {"name": "work_type", "operator": "equal_to", "value": "travel"},
                        {"name": "work_type", "operator": "equal_to", "value": "on_site"},
                    ]
                },
                {"any": [{"name": "item_type", "operator": "equal_to", "value": "printer"}]},
            ]
        },
    )


def test_a_contract_is_adjusted_with_a_reason(web: WebClients) -> None:
    contract = web.sample.sell("incident_pack", incidents=5)
    sue = web.supervisor
    page = sue.open(f"/contracts/{contract}")
    silent = sue.send(page, "/adjust", adjust_incidents="2", adjust_way="withdraw")
    assert silent.status == 422
    done = sue.send(silent, "/adjust", adjust_reason="Sold two too many")
    assert "3 of 3 incidents left" in done
    assert "Sold two too many" in done
    much = sue.send(done, "/adjust", adjust_incidents="9", adjust_way="withdraw", adjust_reason="All of it")
    assert much.status == 422


def test_a_contract_is_renewed_once(web: WebClients) -> None:
    contract = web.sample.sell("subscription", starts_on="2026-01-01", ends_on="2026-12-31")
    sue = web.supervisor
    page, stale = sue.open(f"/contracts/{contract}"), sue.open(f"/contracts/{contract}")
    renewed = sue.send(page, "/renew", renew_price="600")
    assert "This contract renews SUB-0001." in renewed
    assert "1 Jan 2027 – 31 Dec 2027" in renewed
    assert "SUB-0002" in sue.open(f"/contracts/{contract}")
    assert not sue.open(f"/contracts/{contract}").has_form("/renew")
    late = sue.send(stale, "/renew", renew_price="700")
    assert late.status == 422
    assert "has already been renewed by" in late


def test_a_contract_is_cancelled_and_its_requests_are_searched_again(web: WebClients) -> None:
    contract = web.sample.sell("subscription")
    request = web.sample.log()
    sue = web.supervisor
    page = sue.open(f"/contracts/{contract}")
    assert "coverage is searched again" in page
    done = sue.send(page, "/cancel", cancel_reason="Customer left")
    assert "Cancelled" in done
    assert "Customer left" in done
    assert not done.has_form("/cancel")
    assert web.sample.request(request).contract_id is None


def test_enabling_moves_the_start_to_now_and_opens_waiting_requests(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("subscription", starts_on="2026-06-01")
    request = sample.log()
    assert sample.request(request).state == "pending_no_contract"
    page = web.supervisor.open(f"/contracts/{contract}")
    assert "moves its start to now" in page
    done = web.supervisor.send(page, "/enable")
    assert "The contract is now active." in done
    assert sample.request(request).state == "open"


def test_roles_without_permission_get_no_contract_actions(web: WebClients) -> None:
    contract = web.sample.sell("support_hours", minutes=60)
    for browser in (web.technician, web.ann):
        page = browser.open(f"/contracts/{contract}")
        assert page.status == 200
        assert not page.has_form("/top_up")
        assert not page.has_form("/cancel")
        token = page.form("/logout").values["csrf_token"]
        sent = {"cancel_csrf_token": token, "cancel_reason": "x"}
        assert browser.client.post(f"/contracts/{contract}/cancel", data=sent).status_code == 403


def test_contracts_running_low_are_listed_and_on_the_overview(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=60, starts_on="2026-01-02")
    sample.work(sample.log("Slow"), 45)
    number = sample.contract(contract).number
    for page in (web.supervisor.open("/"), web.supervisor.open("/contracts?view=running-out")):
        assert number in page
        assert "projected to run out in 10 d" in page
    csv = web.supervisor.client.get("/contracts?view=running-out&format=csv").get_data(as_text=True)
    assert csv.count(number) == 1
    assert "Running low" not in web.ann.open("/contracts?view=running-out")


def test_a_customer_sees_active_contracts_even_after_many_ended_ones(web: WebClients) -> None:
    sample = web.sample
    for month in range(1, 13):
        for _ in range(5):
            sample.sell("subscription", starts_on=f"2024-{month:02d}-01", ends_on=f"2025-{month:02d}-01")
    current = sample.sell("support_hours", minutes=600)
    assert sample.contract(current).number in web.ann.open("/")


def test_monthly_hours_are_shown_before_the_first_month(web: WebClients) -> None:
    contract = web.sample.sell("support_hours_by_month", minutes=180, starts_on="2026-05-01")
    page = web.supervisor.open(f"/contracts/{contract}")
    assert "3:00 per month, none yet" in page
    assert "0:00 of 0:00" not in page
    listed = web.supervisor.open("/contracts?view=pending")
    assert "3:00 per month, none yet" in listed


def test_an_empty_view_explains_what_it_lists(web: WebClients) -> None:
    assert "Expired contracts appear here" in web.supervisor.open("/contracts?view=expired")
    filtered = web.supervisor.open("/contracts?view=expired&q=nothing")
    assert "No matching contracts" in filtered
