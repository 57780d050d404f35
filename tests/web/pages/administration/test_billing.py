"""Billing activation, settings, rules and the other administration pages."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

from tests.support.builders import RULES
from tests.support.web_clients import WebClients
from web.pages.wording.settings import SETTING_LABELS
from workflows.core.settings import Settings
from workflows.jobs.definitions import run_job
from workflows.ledger.checkpoints import find_checkpoint
from workflows.store import tables as t


def off(web: WebClients) -> None:
    web.sample.set(contracts=False, time_expired_contract=None)


def test_billing_is_activated_by_the_checklist(web: WebClients) -> None:
    off(web)
    sample = web.sample
    for number in ("G-1", "G-2", "G-3"):
        sample.item(number)
    admin = web.administrator
    page = admin.open("/billing")
    assert "Items without an owner: 3" in page
    assert page.form("/activate").values.get("activate_time_expired_contract") is None
    early = admin.send(page, "/activate", activate_time_expired_contract="rollover")
    assert early.status == 422
    assert "3 items have no owner" in early
    assert "Choose rollover or ignore for time after a contract ends; there is no default." in page
    assert "time_expired_contract:" not in page
    nothing = admin.send(early, "/assign", assign_owner=f"org_unit:{sample.site}")
    assert "Select the items to assign." in nothing
    [first] = sample.rows(t.item, number="G-1")
    some = admin.send(nothing, "/assign", items=first.id, assign_owner=f"org_unit:{sample.site}")
    assert "1 item assigned. 2 items still without an owner." in some
    found = admin.send(some, "/assign", assign_owner_q="berlin", which="all")
    assert found.form("/assign").values["assign_owner"] == f"org_unit:{sample.site}"
    all_done = admin.send(found, "/assign", which="all")
    assert "2 items assigned. All items now have an owner." in all_done
    undecided = admin.send(all_done, "/activate")
    assert undecided.status == 422
    assert "Select an option; there is no default." in undecided
    done = admin.send(
        undecided, "/activate", activate_time_expired_contract="ignore", activate_contract_validation="off"
    )
    assert "Billing is active" in done
    settings = sample.desk.refresh().settings
    assert (settings.contracts, settings.time_expired_contract, settings.contract_validation) == (
        True,
        "ignore",
        False,
    )


def test_requests_opened_before_activation_can_be_searched_with_a_preview(web: WebClients) -> None:
    off(web)
    sample = web.sample
    request = sample.log("Opened before")
    admin = web.administrator
    admin.send(admin.open("/billing"), "/activate", activate_time_expired_contract="rollover")
    assert sample.request(request).before_contracts
    sample.desk.refresh()
    contract = sample.sell("subscription")
    page = admin.open("/billing/search/before-contracts")
    assert "Opened before" in page
    assert sample.contract(contract).number in page
    done = admin.send(page)
    assert "1 request searched, 1 changed." in done
    assert sample.request(request).contract_id == contract
    assert "No requests left" in done


def test_switching_contracts_off_keeps_all_records(web: WebClients) -> None:
    contract = web.records.contract
    ada = web.administrator
    assert not ada.open("/billing").has_form("/off")
    preview = ada.open("/billing/off")
    assert "2 unresolved service requests would keep their contracts" in preview
    assert "1 service request waiting for a contract" not in preview
    assert "2 active or pending contracts would stay" in preview
    unsure = ada.send(preview)
    assert unsure.status == 422
    assert web.sample.desk.refresh().settings.contracts
    page = ada.send(unsure, confirmed="y")
    assert "Activate billing" in page
    assert ada.open("/billing/off").path == "/billing"
    assert "SH-0001" in web.supervisor.open(f"/contracts/{contract}")
    assert "Contracts are switched off" in web.technician.open(f"/requests/new?customer={web.sample.ann}")
    assert "Contracts are off" in web.technician.open(f"/coverage?customer=customer:{web.sample.ann}")


# ------------------------------------------------------------------ settings


def test_a_wrong_time_zone_is_reported_together_with_the_other_errors(web: WebClients) -> None:
    ada = web.administrator
    wrong = ada.send(ada.open("/settings"), time_zone="Berlin", company_email="much", auto_close_days="soon")
    assert wrong.status == 422
    for field in ("time_zone", "company_email", "auto_close_days"):
        assert f'id="{field}-error"' in wrong.html, field
    assert wrong.html.count('class="field-error"') == 3
    web.sample.set(contracts=False, time_expired_contract=None)
    early = ada.send(ada.open("/billing"), "/activate", activate_time_zone="Berlin")
    assert early.status == 422
    for field in ("time_zone", "time_expired_contract"):
        assert f'id="activate_{field}-error"' in early.html, field


def test_all_errors_of_a_form_are_reported_at_once(web: WebClients) -> None:
    ada = web.administrator
    new = ada.send(ada.open("/users/new"), email="nobody", password="short", role=None)
    for field in ("email", "password", "role"):
        assert f'id="{field}-error"' in new.html, field
    customer = ada.send(ada.open("/customers/new"), email="nobody", name="")
    for field in ("email", "name"):
        assert f'id="{field}-error"' in customer.html, field


def test_changed_settings_appear_in_the_change_history(web: WebClients) -> None:
    page = web.administrator.open("/settings")
    done = web.administrator.send(
        page,
        reopen_window_days="21",
        cascade="y",
        rounding_increment_minutes="15",
        rounding_grace_minutes="5",
        mon="09:00-12:00, 13:00 - 17:30",
        holidays="2026-12-25\n",
        company_name="Northwind",
    )
    assert "Saved." in done
    stored = web.sample.desk.refresh().settings
    assert (stored.reopen_window_days, stored.cascade, stored.company.name) == (21, True, "Northwind")
    assert (stored.rounding.increment_minutes, stored.rounding.grace_minutes) == (15, 5)
    monday = stored.work_calendar.weekly["mon"]
    assert [(one.opens, one.closes) for one in monday] == [("09:00", "12:00"), ("13:00", "17:30")]
    assert "Reopen window (days)" in done
    assert "the administrator" in done
    again = web.administrator.send(done)
    assert "No changes to save." in again


def test_browser_line_endings_are_not_a_change(web: WebClients) -> None:
    admin = web.administrator
    done = admin.send(admin.open("/settings"), holidays="2026-12-25\r\n2026-12-26")
    assert web.sample.desk.refresh().settings.work_calendar.holidays == ["2026-12-25", "2026-12-26"]
    assert "No changes to save." in admin.send(done, holidays="2026-12-25\r\n2026-12-26")


def test_invalid_settings_are_reported_and_keep_the_typed_values(web: WebClients) -> None:
    page = web.administrator.open("/settings")
    wrong = web.administrator.send(
        page,
        time_zone="Mars/Olympus",
        rounding_increment_minutes="5",
        rounding_grace_minutes="7",
        auto_close_days="-1",
        mon="nine to five",
    )
    assert wrong.status == 422
    for words in (
        "“nine to five” is not a time range",
        "“-1” is not a whole number",
    ):
        assert words in wrong
    assert wrong.form().values["time_zone"] == "Mars/Olympus"
    assert wrong.form().values["auto_close_days"] == "-1"
    still = web.administrator.send(wrong, auto_close_days="7", mon="", rounding_grace_minutes="7")
    assert "is not an IANA time zone" in still
    assert "“Grace (minutes)” must be smaller than “Round up to (minutes)”" in still
    final = web.administrator.send(still, time_zone="Europe/Berlin", rounding_grace_minutes="0")
    assert "Saved." in final


def test_every_available_setting_has_a_field_and_a_label(web: WebClients) -> None:
    unavailable = web.administrator.open("/settings")
    assert "default_overage_rate_minor" not in unavailable.form().values
    assert set(unavailable.form().options["time_expired_contract"]) == {"", "rollover", "ignore"}
    web.sample.set(invoices=True)
    page = web.administrator.open("/settings")
    assert "bill" in page.form().options["time_expired_contract"]
    fields = set(page.form().values) | set(page.form().options)
    elsewhere = {"contracts": "version", "work_calendar": "holidays", "rounding": "rounding_scope"}
    elsewhere |= {"company": "company_name", "not_to_exceed": "limit_per"}
    for name in Settings.model_fields:
        assert elsewhere.get(name, name) in fields, name
        assert name in SETTING_LABELS, name


def test_concurrent_setting_changes_do_not_overwrite_each_other(web: WebClients) -> None:
    first, second = web.administrator.open("/settings"), web.administrator.open("/settings")
    assert "Saved." in web.administrator.send(first, auto_close_days="3")
    late = web.administrator.send(second, auto_close_days="9")
    assert late.status == 422
    assert "have been changed in the meantime" in late
    assert web.sample.desk.refresh().settings.auto_close_days == 3


# ------------------------------------------------------------------ rules and operations


def test_the_rules_in_force_are_shown_and_the_folder_is_published(web: WebClients, tmp_path: Path) -> None:
    admin = web.administrator
    page = admin.open("/rules")
    assert "For a test" in page
    assert "coverage.json" in page
    assert "Same as the rule set in force" in page
    folder = tmp_path / "rules"
    for path in RULES.rglob("*.json"):
        target = folder / path.relative_to(RULES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text())
    web.app.extensions["coverdesk.environment"].rules_dir = folder
    try:
        coverage = folder / "coverage.json"
        coverage.write_text(coverage.read_text().replace("The customer has a valid contract.", "A new why."))
        page = admin.open("/rules")
        assert "Differs from the rule set in force" in page
        assert "A new why." in page
        silent = admin.send(page, "/publish")
        assert silent.status == 422
        assert "Describe what changes" in silent
        done = admin.send(silent, "/publish", publish_note="Kinder words")
        assert "The rule set is in force." in done
        assert "Kinder words" in done
        coverage.write_text("{ not json")
        broken = admin.open("/rules")
        assert "The current rule set stays in force" in broken
        assert "coverage.json:1:3" in broken
        assert not broken.has_form("/publish")
    finally:
        web.app.extensions["coverdesk.environment"].rules_dir = Path("rules")


def test_an_old_rule_set_is_published_again(web: WebClients) -> None:
    first = web.sample.desk.config.rules.version
    files = RULES / "coverage.json"
    second = web.sample.publish_rules(
        coverage=files.read_text().replace("valid contract.", "valid contract now.", 1)
    )
    page = web.administrator.open(f"/rules/{first}")
    assert "+" in page
    done = web.administrator.send(page, "/publish", publish_note="Back to the old one")
    assert "The rule set is in force." in done
    assert web.sample.desk.refresh().rules.version == first != second
    assert web.administrator.open("/rules/0123456789abcdef").status == 404
    assert not web.supervisor.open(f"/rules/{second}").has_form("/publish")


def test_rules_require_approval_by_a_second_administrator(web: WebClients) -> None:
    sample = web.sample
    first = sample.desk.config.rules.version
    second = sample.publish_rules(
        coverage=(RULES / "coverage.json").read_text().replace("valid contract.", "valid contract now.", 1)
    )
    sample.set(two_person_publishing=True)
    page = web.administrator.open(f"/rules/{first}")
    proposed = web.administrator.send(page, "/publish", publish_note="Back to the old one")
    assert "Another administrator must approve it." in proposed
    assert sample.desk.refresh().rules.version == second
    link = proposed.html.split('href="/rules/proposals/')[1].split('"')[0]
    own = web.administrator.open(f"/rules/proposals/{link}")
    assert "Withdraw proposal" in own
    assert not own.has_form("/approve")
    other = web.browser(sample.person("administrator", "Zoe"))
    page = other.open(f"/rules/proposals/{link}")
    assert "Back to the old one" in page
    silent = other.send(page, "/reject")
    assert silent.status == 422
    done = other.send(silent, "/approve")
    assert "The rule set is in force." in done
    assert "approved by Zoe" in done
    assert sample.desk.refresh().rules.version == first


def test_publishing_from_an_outdated_rule_set_is_refused(web: WebClients) -> None:
    first = web.sample.desk.config.rules.version
    text = (RULES / "coverage.json").read_text()
    second = web.sample.publish_rules(coverage=text.replace("valid contract.", "valid contract now.", 1))
    stale = web.administrator.open(f"/rules/{first}")
    web.sample.publish_rules(coverage=text.replace("valid contract.", "valid contract then.", 1))
    late = web.administrator.send(stale, "/publish", publish_note="Mine")
    assert late.status == 422
    assert f"yours is based on {second[:12]}" in late


def test_jobs_are_listed_and_run(web: WebClients) -> None:
    page = web.administrator.open("/jobs")
    assert "Never run" in page
    done = web.administrator.send(page, "/auto_close/run")
    assert "Close resolved requests: nothing was due." in done
    assert "OK" in done
    assert web.administrator.client.post("/jobs/nothing/run").status_code == 404


def test_the_outbox_shows_failed_messages(web: WebClients) -> None:
    sample = web.sample
    sample.log("Nobody covers this")
    [message] = [one for one in sample.rows(t.outbox) if one.recipient]
    with sample.desk.write() as tx:
        tx.change(t.outbox, message.id, last_error="connection refused", attempts=3)
    page = web.administrator.open("/outbox?state=failed")
    assert "connection refused" in page
    assert "1 failed" in web.administrator.open("/")
    done = web.administrator.send(page, "/again")
    assert "The message will be retried with the next delivery." in done


def test_the_ledger_audit_reports_no_differences(web: WebClients) -> None:
    assert web.records.contract
    page = web.finance.open("/ledger?audit=run")
    assert "No differences found" in page
    assert "Drawn for work" in page


def test_the_sandbox_clock_can_be_set_forward_only(web: WebClients) -> None:
    sample = web.sample
    assert web.administrator.open("/sandbox/clock").status == 404
    sample.desk.sandbox = True
    contract = sample.sell("subscription", starts_on="2026-04-01")
    page = web.administrator.open("/sandbox/clock")
    done = web.administrator.send(page, now="2026-04-02T09:00", step=None)
    assert "The clock has been set." in done
    assert sample.contract(contract).state == "active"
    back = web.administrator.send(done, now="2026-03-01T09:00")
    assert back.status == 422
    assert "can only be set forward" in back
    before = sample.desk.now()
    web.administrator.send(done, step="day")
    assert sample.desk.now() - before == timedelta(days=1)
    assert "Sandbox." in web.technician.open("/requests")
    assert web.technician.open("/sandbox/clock").status == 403


def test_the_ledger_page_shows_the_newest_checkpoint_and_audits_against_one(web: WebClients) -> None:
    web.sample.sell("support_hours", minutes=60)
    run_job(web.sample.desk, "take_checkpoint")
    text = web.sample.see(find_checkpoint).text
    assert text in web.finance.open("/ledger")
    agrees = web.finance.open(f"/ledger?{urlencode({'audit': 'run', 'against': text})}")
    assert "The ledger agrees with checkpoint 1" in agrees
    assert "No checkpoint was found in the text." in web.finance.open("/ledger?audit=run&against=nothing")
