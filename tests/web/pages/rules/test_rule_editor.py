"""The rule editor without JavaScript: text areas, and a form submit for each step."""

from typing import Any

import pytest

from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.administration.settings import change_settings
from workflows.rule_sets.proposals import list_proposals, submit_rule_set
from workflows.rule_sets.publishing import list_publications, rule_set_in_force

COVERAGE = "file:coverage.json"
OLD, NEW = "The customer has a valid contract.", "A contract of the customer's is in force."


def in_force(web: WebClients) -> Any:
    return web.sample.see(rule_set_in_force)


def opened(web: WebClients, address: str = "/rules/edit") -> Page:
    page = web.administrator.open(address)
    assert page.status == 200
    return page


def sent(web: WebClients, page: Page, step: str, **values: Any) -> Page:
    return web.administrator.send(page, "/rules/edit", step=step, **values)


def areas(page: Page) -> dict[str, str]:
    """The files in the text areas of the page."""
    values = page.form("/rules/edit").values
    return {name[5:]: text for name, text in values.items() if name.startswith("file:")}


def edited(page: Page, old: str = OLD, new: str = NEW) -> str:
    text = areas(page)["coverage.json"]
    assert old in text
    # browsers submit CR LF line endings
    return text.replace(old, new).replace("\n", "\r\n")


def published_meanwhile(web: WebClients, old: str, new: str) -> str:
    files = dict(in_force(web).files)
    files["coverage.json"] = files["coverage.json"].replace(old, new)
    bob = web.sample.person("administrator", "Bob")
    version = web.sample.desk.perform(bob, lambda tx: submit_rule_set(tx, files, "Bob's words").version)
    web.sample.desk.refresh()
    return version


def test_the_editor_starts_with_the_set_in_force(web: WebClients) -> None:
    page = opened(web)
    assert areas(page) == dict(in_force(web).files)
    assert "No problems found" in page
    assert "No changes" in page
    assert "a different rule set than the one in force" not in opened(
        web, f"/rules/edit?from={in_force(web).version}"
    )


@pytest.mark.parametrize("role", ["finance", "supervisor", "technician", "ann"])
def test_only_administrators_edit_rules(web: WebClients, role: str) -> None:
    browser = web.of_role(role)
    assert browser.open("/rules/edit").status == 403
    assert browser.open("/rules/edit/in-force").status == 403
    assert browser.client.post("/rules/edit", data={"step": "publish"}).status_code == 403


def test_a_mistake_is_reported_with_its_position_and_the_text_preserved(web: WebClients) -> None:
    page = opened(web)
    text = edited(page, '"contract_standing"', '"contract_standin"')
    page = sent(web, page, "check", **{COVERAGE: text})
    assert "coverage.json:21:21" in page
    assert "Did you mean" in page
    assert '"name": "contract_standin",' in page
    assert areas(page)["coverage.json"] == text.replace("\r\n", "\n")
    version = in_force(web).version
    page = sent(web, page, "publish", editor_note="Wrong")
    assert page.status == 422
    assert "The current rule set stays in force" in page
    assert areas(page)["coverage.json"] == text.replace("\r\n", "\n")
    assert in_force(web).version == version


def test_publishing_keeps_unchanged_files_byte_identical(web: WebClients) -> None:
    before = dict(in_force(web).files)
    page = opened(web)
    page = sent(web, page, "publish", **{COVERAGE: edited(page)})
    assert page.status == 422
    assert "Describe what changes, and why." in page
    assert NEW in areas(page)["coverage.json"]
    page = sent(web, page, "publish", editor_note="Kinder")
    assert "The rule set is in force." in page
    assert in_force(web).note == "Kinder"
    assert in_force(web).files == before | {"coverage.json": before["coverage.json"].replace(OLD, NEW)}


def test_windows_line_endings_are_preserved(web: WebClients) -> None:
    files = {path: text.replace("\n", "\r\n") for path, text in in_force(web).files.items()}
    web.sample.publish(files, "Windows")
    web.sample.desk.refresh()
    page = opened(web)
    page = sent(web, page, "publish", editor_note="Kinder", **{COVERAGE: edited(page)})
    assert in_force(web).files == files | {"coverage.json": files["coverage.json"].replace(OLD, NEW)}


def test_a_second_administrator_reviews_and_merges_a_newer_publication(web: WebClients) -> None:
    page = opened(web)
    text = edited(page)
    newest = published_meanwhile(
        web, "This item has a valid contract", "Bob says that this item has a valid contract"
    )
    page = sent(web, page, "publish", editor_note="Mine", **{COVERAGE: text})
    assert page.status == 422
    assert "Bob published another rule set" in page
    assert "Bob says that this item" in page
    assert in_force(web).version == newest
    assert NEW in areas(page)["coverage.json"]
    page = sent(web, page, "up-to-date")
    assert "Changes by Bob were merged: coverage.json." in page
    assert "published another rule set" not in page
    page = sent(web, page, "publish", editor_note="Mine, too")
    text = in_force(web).files["coverage.json"]
    assert NEW in text
    assert "Bob says that this item has a valid contract" in text


def test_conflicting_lines_are_marked_and_cannot_be_published(web: WebClients) -> None:
    page = opened(web)
    text = edited(page)
    newest = published_meanwhile(web, OLD, "Bob's words for it.")
    page = sent(web, page, "up-to-date", **{COVERAGE: text})
    assert "Conflicting changes in coverage.json" in page
    both = areas(page)["coverage.json"]
    assert NEW in both
    assert "Bob's words for it." in both
    page = sent(web, page, "publish", editor_note="Unresolved")
    assert page.status == 422
    assert in_force(web).version == newest


def test_a_contract_type_is_copied_and_a_file_removed_and_restored(web: WebClients) -> None:
    page = opened(web)
    like = "contract_types/subscription.json"
    page = sent(web, page, "add", editor_add_like=like, editor_add_name="Gold!")
    assert "This is not a valid file name." in page
    page = sent(web, page, "add", editor_add_like=like, editor_add_name="subscription")
    assert "The file contract_types/subscription.json already exists." in page
    page = sent(web, page, "add", editor_add_like=like, editor_add_name="gold")
    text = areas(page)["contract_types/gold.json"]
    assert '"key": "gold"' in text
    assert '"label": "Gold"' in text
    assert '"number_prefix": "GOL"' in text
    assert "No problems found" in page
    page = sent(web, page, "remove:slas.json", **{"file:contract_types/gold.json": text})
    assert "slas.json" not in areas(page)
    page = sent(web, page, "put-back:slas.json")
    assert "slas.json" in areas(page)
    page = sent(web, page, "publish", editor_note="Gold")
    assert "The rule set is in force." in page
    assert in_force(web).files["contract_types/gold.json"] == text


def test_a_rate_card_is_copied(web: WebClients) -> None:
    page = opened(web)
    page = sent(web, page, "add", editor_add_like="rate_cards/standard.json", editor_add_name="night_work")
    assert '"label": "Night work"' in areas(page)["rate_cards/night_work.json"]
    page = sent(web, page, "publish", editor_note="Nights")
    assert "rate_cards/night_work.json" in in_force(web).files


def test_a_type_in_use_cannot_be_removed(web: WebClients) -> None:
    web.sample.sell("subscription")
    page = sent(web, opened(web), "remove:contract_types/subscription.json")
    assert "there are contracts of this type" in page
    assert "Restore" in page


def test_if_approval_is_required_the_draft_is_proposed(web: WebClients) -> None:
    web.sample.do(change_settings, {"two_person_publishing": True})
    web.sample.desk.refresh()
    version = in_force(web).version
    page = opened(web)
    assert "Propose rule set" in page
    page = sent(web, page, "publish", editor_note="Please", **{COVERAGE: edited(page)})
    assert "Proposed. Another administrator must approve it." in page
    assert in_force(web).version == version
    [proposal] = web.sample.see(list_proposals).items
    page = opened(web, f"/rules/edit?from=proposal:{proposal.id}")
    assert NEW in areas(page)["coverage.json"]


def test_an_old_version_can_be_edited(web: WebClients) -> None:
    old = in_force(web)
    published_meanwhile(web, OLD, NEW)
    page = opened(web, f"/rules/edit?from={old.version}")
    assert areas(page) == dict(old.files)
    assert "These files are from a different rule set" in page
    assert "published another rule set" not in page
    assert web.administrator.open("/rules/edit?from=0000000000").status == 404
    assert web.administrator.open("/rules/edit?from=replay:nothing").status == 404


def test_a_draft_is_replayed(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription")
    sample.log("Logged")
    day = sample.desk.now().date().isoformat()
    page = opened(web)
    page = sent(web, page, "replay", editor_from_on="soon", **{COVERAGE: edited(page)})
    assert page.status == 422
    assert NEW in areas(page)["coverage.json"]
    page = sent(web, page, "replay", editor_from_on=day, editor_to_on=day)
    assert page.status == 200
    assert "View all differences" in page
    assert NEW in areas(page)["coverage.json"]
    wrong = edited(page, '"contract_standing"', '"contract_standin"')
    page = sent(web, page, "replay", **{COVERAGE: wrong})
    assert "Fix the errors before starting a replay." in page


def test_an_invalid_csrf_token_changes_nothing_and_keeps_the_text(web: WebClients) -> None:
    page = opened(web)
    page = sent(web, page, "publish", editor_note="Forged", csrf_token=None, editor_csrf_token="old",
                **{COVERAGE: edited(page)})  # fmt: skip
    assert page.status == 422
    assert NEW in areas(page)["coverage.json"]
    assert len(web.sample.see(list_publications).items) == 1


def test_the_script_gets_fragments_as_json(web: WebClients) -> None:
    page = opened(web)
    data = {**page.form("/rules/edit").values, COVERAGE: edited(page, "{", "{{"), "step": "check"}
    answer = web.administrator.client.post(
        "/rules/edit", data=data, headers={"Accept": "application/json"}, content_type="multipart/form-data"
    )
    body = answer.get_json()
    assert body["ok"] is False
    assert body["problems"][0]["file"] == "coverage.json"
    assert "coverage.json:1:2" in body["fragments"]["problems"]
    assert body["in_force"] == body["based_on"] == in_force(web).version


def test_the_content_security_policy_allows_only_the_editors_style_sheet(web: WebClients) -> None:
    first, second = (opened(web).answer.headers["Content-Security-Policy"] for _ in range(2))
    assert "default-src 'self'" in first
    assert "unsafe" not in first
    assert "style-src 'self' 'nonce-" in first
    assert first != second


def test_size_limits_of_a_rule_set(web: WebClients) -> None:
    page = opened(web)
    text = edited(page) + " " * 2_000_000
    page = sent(web, page, "check", **{COVERAGE: text})
    assert page.status == 200
    assert "coverage.json" in page
    data = {**page.form("/rules/edit").values, COVERAGE: "x" * 17_000_000}
    assert web.administrator.client.post("/rules/edit", data=data).status_code == 413


def test_any_posted_file_is_handled_and_escaped(web: WebClients) -> None:
    page = opened(web)
    paths = ["", "../x.json", "<b>.json", "a" * 5000, "contract_types/\0.json", "variants/ü'\".json"]
    texts = ["", "\0", "[" * 5000, "<script>alert(1)</script>", '{"rules": 1e999}']
    for path in paths:
        for text in texts:
            for step in ("publish", f"remove:{path}"):
                answer = sent(web, page, step, editor_note="Odd", **{f"file:{path}": text})
                assert answer.status in (200, 422)
                assert "<script>alert" not in answer.html
                assert "<b>.json" not in answer.html
    assert len(web.sample.see(list_publications).items) == 1


def test_an_unchanged_rule_set_is_not_published_again(web: WebClients) -> None:
    page = sent(web, opened(web), "publish", editor_note="Again")
    assert page.status == 422
    assert "this rule set is already in force" in page
    assert len(web.sample.see(list_publications).items) == 1
