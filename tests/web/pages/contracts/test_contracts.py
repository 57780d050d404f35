"""Contracts on the pages: sold, shown, and what can be done with them."""

import pytest

from tests.support.front import Front
from workflows.store import tables as t


def test_a_contract_is_sold_to_a_holder_found_by_typing(front: Front) -> None:
    office = front.office
    sue = front.supervisor
    page = sue.open("/contracts/new")
    found = sue.send(page, holder_q="berlin", type="support_hours", minutes="20:00", price="1.800,00")
    assert found.status == 200
    assert found.form().values["type"] == "support_hours"
    assert found.form().values["minutes"] == "20:00"
    done = sue.send(found)
    assert "is sold to Acme-Berlin" in done
    assert "20:00 of 20:00 left" in done
    assert "€1,800.00" in done
    [contract] = office.rows(t.contract)
    assert (contract.holder_id, contract.price_minor) == (office.site, 180000)
    again = sue.send(found)
    assert again.path == done.path
    assert len(office.rows(t.contract)) == 1


def test_a_holder_comes_with_the_link(front: Front) -> None:
    page = front.supervisor.open(f"/customers/{front.office.ann}")
    assert f"/contracts/new?holder=customer:{front.office.ann}" in page.html
    form = front.supervisor.open(f"/contracts/new?holder=customer:{front.office.ann}").form()
    assert form.values["holder"] == f"customer:{front.office.ann}"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"type": None}, "Choose one."),
        ({"holder": None}, "Fill this in."),
        ({"minutes": "grants"}, "is no duration"),
        ({"price": "much"}, "is no amount of EUR"),
        ({"starts_on": "2026-02-31"}, "is no day"),
        ({"starts_on": "0000-01-01"}, "is no day"),
        ({"type": "subscription", "starts_on": "2026-05-01", "ends_on": "2026-04-01"}, "end"),
        ({"type": "incident_pack", "incidents": "-3"}, "is no whole number"),
        ({"minutes": "99999:00"}, ""),
        ({"type": "nothing_known"}, ""),
    ],
)
def test_bad_terms_are_told_and_what_was_typed_stays(
    front: Front, values: dict[str, str], words: str
) -> None:
    page = front.supervisor.open("/contracts/new")
    sent = {"holder": f"customer:{front.office.ann}", "type": "support_hours", "overage_rate": "90"} | values
    wrong = front.supervisor.send(page, **sent)
    if not words and wrong.status == 200:
        return
    assert wrong.status == 422
    assert words in wrong
    assert wrong.form().values["overage_rate"] == "90"
    assert front.office.rows(t.contract) == []


def test_the_list_answers_what_people_ask(front: Front) -> None:
    office = front.office
    office.sell("subscription", starts_on="2026-01-01", ends_on="2026-03-15")
    office.sell("subscription", starts_on="2026-05-01", ends_on="2026-12-31")
    used = office.sell("support_hours", minutes=30, to=("org_unit", office.parent))
    office.work(office.log("Long", customer=office.customer("Dee", office.parent), item=None), 45)
    fay = front.finance
    assert "SUB-0001" in fay.open("/contracts?view=soon")
    assert "SUB-0002" not in fay.open("/contracts?view=soon")
    assert "SUB-0002" in fay.open("/contracts?view=pending")
    assert office.contract(used).number in fay.open("/contracts?view=exhausted")
    assert "Used up" in fay.open("/contracts?view=exhausted")
    assert office.contract(used).number in fay.open("/contracts?q=acme")
    assert "What was cancelled stands here" in fay.open("/contracts?view=cancelled")
    assert "SUB-0001" in fay.open(f"/contracts?holder={office.ann}")
    text = fay.client.get("/contracts?format=csv&order=number").get_data(as_text=True)
    assert "SH-0001,Support hours,Acme,exhausted,,2026-03-02,,0:30,0:30,0:00,0:00,0:00," in text


def test_the_statement_goes_line_by_line(front: Front) -> None:
    office = front.office
    contract = office.sell("support_hours", minutes=600)
    request = office.log()
    office.work(request, 45)
    page = front.technician.open(f"/contracts/{contract}")
    assert "Drawn for work" in page
    assert "−0:45" in page
    assert "9:15 of 10:00 left" in page
    text = front.technician.client.get(f"/contracts/{contract}/statement.csv").get_data(as_text=True)
    assert "draw" in text
    assert "'-45,555" in text or "-45,555" in text
    assert "Nothing moved in this span" in front.technician.open(f"/contracts/{contract}?from=2027-01-01")
    assert front.technician.open(f"/contracts/{contract}?from=nonsense").status == 200


def test_the_burn_down_tells_when_it_runs_out(front: Front) -> None:
    office = front.office
    contract = office.sell("support_hours", minutes=600, starts_on="2026-01-01")
    request = office.log()
    fresh = front.supervisor.open(f"/contracts/{contract}")
    assert "burn-down" not in fresh.html
    office.work(request, 300)
    page = front.supervisor.open(f"/contracts/{contract}")
    assert "5:00 were drawn in the last 30 days. At this pace it runs out about 1 Apr 2026." in page
    assert 'class="burn-projection"' in page.html
    office.work(request, 300)
    assert "It is used up." in front.supervisor.open(f"/contracts/{contract}")


def test_a_contract_that_is_over_tells_its_end_and_what_was_carried(front: Front) -> None:
    office = front.office
    contract = office.sell("support_hours", minutes=600, ends_on="2026-03-03")
    request = office.log()
    office.work(request, 30)
    office.clock.move(days=3)
    office.work(request, 45)
    page = front.supervisor.open(f"/contracts/{contract}")
    assert "It ended on 3 Mar 2026; 9:30 were not used." in page
    assert "0:45 kept for the holder's next contract" in page
    assert 'class="burn-projection"' not in page.html
    assert "Rollover: carried to the holder's next contract, as the desk's setting says" in page


def test_the_time_no_contract_paid_is_one_click_away(front: Front) -> None:
    office = front.office
    office.sell("support_hours", minutes=30)
    office.work(office.log("Past the end"), 90)
    home = front.supervisor.open("/")
    assert "1:00 carried" in home
    assert 'href="/uncovered-time"' in home.html
    page = front.supervisor.open("/uncovered-time")
    assert "Past the end" in page
    assert "Carried to the next contract" in page
    assert "Every minute was paid" in front.supervisor.open("/uncovered-time?kind=ignored")


def test_a_contract_by_the_month_shows_what_has_moved_so_far(front: Front) -> None:
    contract = front.office.sell("support_hours_by_month", minutes=300, starts_on="2026-01-01")
    page = front.supervisor.open(f"/contracts/{contract}")
    assert "Allocation of month 3" in page
    assert "Allocation of month 4" not in page.text.split("Statement")[1]
    assert "5:00 of 15:00 left" in page


# ------------------------------------------------------------------ actions


def test_a_contract_is_topped_up(front: Front) -> None:
    contract = front.office.sell("support_hours", minutes=60)
    sue = front.supervisor
    page = sue.open(f"/contracts/{contract}")
    wrong = sue.send(page, "/top_up", topup_minutes="some")
    assert wrong.status == 422
    assert wrong.form("/top_up").values["topup_minutes"] == "some"
    assert '<details class="action" open>' in wrong.html
    done = sue.send(wrong, "/top_up", topup_minutes="2:30", topup_expires_on="2026-12-31")
    assert "3:30 of 3:30 left" in done
    assert "2 Mar 2026 – 31 Dec 2026" in done


def test_a_contract_is_adjusted_with_a_reason(front: Front) -> None:
    contract = front.office.sell("incident_pack", incidents=5)
    sue = front.supervisor
    page = sue.open(f"/contracts/{contract}")
    silent = sue.send(page, "/adjust", adjust_incidents="2", adjust_way="withdraw")
    assert silent.status == 422
    done = sue.send(silent, "/adjust", adjust_reason="Sold two too many")
    assert "3 of 3 incidents left" in done
    assert "Sold two too many" in done
    much = sue.send(done, "/adjust", adjust_incidents="9", adjust_way="withdraw", adjust_reason="All of it")
    assert much.status == 422


def test_a_contract_is_renewed_once(front: Front) -> None:
    contract = front.office.sell("subscription", starts_on="2026-01-01", ends_on="2026-12-31")
    sue = front.supervisor
    page, stale = sue.open(f"/contracts/{contract}"), sue.open(f"/contracts/{contract}")
    renewed = sue.send(page, "/renew", renew_price="600")
    assert "This is the successor of SUB-0001" in renewed
    assert "1 Jan 2027 – 31 Dec 2027" in renewed
    assert "SUB-0002" in sue.open(f"/contracts/{contract}")
    assert not sue.open(f"/contracts/{contract}").has_form("/renew")
    late = sue.send(stale, "/renew", renew_price="700")
    assert late.status == 422
    assert "was renewed already" in late


def test_a_contract_is_cancelled_and_its_requests_are_searched_again(front: Front) -> None:
    contract = front.office.sell("subscription")
    request = front.office.log()
    sue = front.supervisor
    page = sue.open(f"/contracts/{contract}")
    assert "are searched again" in page
    done = sue.send(page, "/cancel", cancel_reason="Customer left")
    assert "Cancelled" in done
    assert "Customer left" in done
    assert not done.has_form("/cancel")
    assert front.office.request(request).contract_id is None


def test_enable_moves_the_start_to_now_and_opens_what_waits(front: Front) -> None:
    office = front.office
    contract = office.sell("subscription", starts_on="2026-06-01")
    request = office.log()
    assert office.request(request).state == "pending_no_contract"
    page = front.supervisor.open(f"/contracts/{contract}")
    assert "moves its start to now" in page
    done = front.supervisor.send(page, "/enable")
    assert "It is active now." in done
    assert office.request(request).state == "open"


def test_who_may_not_sell_is_offered_nothing(front: Front) -> None:
    contract = front.office.sell("support_hours", minutes=60)
    for browser in (front.technician, front.ann):
        page = browser.open(f"/contracts/{contract}")
        assert page.status == 200
        assert not page.has_form("/top_up")
        assert not page.has_form("/cancel")
        token = page.form("/logout").values["csrf_token"]
        sent = {"cancel_csrf_token": token, "cancel_reason": "x"}
        assert browser.client.post(f"/contracts/{contract}/cancel", data=sent).status_code == 403


def test_what_runs_out_is_a_list_and_on_the_overview(front: Front) -> None:
    office = front.office
    contract = office.sell("support_hours", minutes=60, starts_on="2026-01-02")
    office.work(office.log("Slow"), 45)
    number = office.contract(contract).number
    for page in (front.supervisor.open("/"), front.supervisor.open("/contracts?view=running-out")):
        assert number in page
        assert "used up about in 10 d" in page
    csv = front.supervisor.client.get("/contracts?view=running-out&format=csv").get_data(as_text=True)
    assert csv.count(number) == 1
    assert "Run out within" not in front.ann.open("/contracts?view=running-out")


def test_a_long_statement_shows_its_end_first(front: Front) -> None:
    office = front.office
    contract = office.sell("support_hours", minutes=600)
    request = office.log("Slow")
    for _ in range(51):
        office.work(request, 1)
    page = front.supervisor.open(f"/contracts/{contract}")
    assert "The last 50 of 52 movements." in page
    assert "Sold with the contract" not in page
    whole = front.supervisor.open(f"/contracts/{contract}?lines=all")
    assert "The last 50" not in whole
    assert "Sold with the contract" in whole


def test_a_customer_sees_contracts_in_force_however_many_have_ended(front: Front) -> None:
    office = front.office
    for month in range(1, 13):
        for _ in range(5):
            office.sell("subscription", starts_on=f"2024-{month:02d}-01", ends_on=f"2025-{month:02d}-01")
    current = office.sell("support_hours", minutes=600)
    assert office.contract(current).number in front.ann.open("/")


def test_hours_by_the_month_are_told_before_the_first_month(front: Front) -> None:
    contract = front.office.sell("support_hours_by_month", minutes=180, starts_on="2026-05-01")
    page = front.supervisor.open(f"/contracts/{contract}")
    assert "3:00 each month, none yet" in page
    assert "0:00 of 0:00" not in page
    listed = front.supervisor.open("/contracts?view=pending")
    assert "3:00 each month, none yet" in listed


def test_an_empty_view_says_what_would_be_there(front: Front) -> None:
    assert "What is past its end stands here" in front.supervisor.open("/contracts?view=expired")
    filtered = front.supervisor.open("/contracts?view=expired&q=nothing")
    assert "No contract fits these filters" in filtered
