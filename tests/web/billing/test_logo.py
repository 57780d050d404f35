"""The company's logo: stored, shown on invoices, deleted; and what is no picture."""

from base64 import b64encode
from io import BytesIO

import pytest
from PIL import Image

from tests.support.billing import Billing
from tests.support.sample_desk import SampleDesk
from workflows.administration.logo import MAX_LOGO_BYTES
from workflows.store import tables as t


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 4)) -> bytes:
    made = BytesIO()
    more = {"save_all": True, "append_images": [Image.new("RGB", size, "red")]} if kind == "MPO" else {}
    Image.new("RGB", size, "navy").save(made, kind, **more)
    return made.getvalue()


def sent(content: bytes) -> dict[str, str]:
    return {"content": b64encode(content).decode()}


def test_a_logo_is_stored_replaced_and_deleted(billing: Billing) -> None:
    admin = billing.api.administrator
    assert admin.get("/settings/logo").status_code == 404
    # of many telephones: a JPEG with another picture behind it
    for kind, media_type in (("PNG", "image/png"), ("JPEG", "image/jpeg"), ("MPO", "image/jpeg")):
        content = picture(kind)
        stored = billing.ask(admin, "POST", "/settings/logo", sent(content))
        assert stored == {"media_type": media_type, "size": len(content)}
        found = billing.ann.get("/settings/logo")
        assert (found.content_type, found.data) == (media_type, content)
    assert len(billing.sample.rows(t.company_logo)) == 1
    assert billing.finance.post("/settings/logo", sent(picture())).status_code == 403
    assert billing.finance.delete("/settings/logo").status_code == 403
    assert admin.delete("/settings/logo").status_code == 204
    assert admin.delete("/settings/logo").status_code == 404


def test_what_is_no_picture_is_refused(billing: Billing) -> None:
    whole = picture(size=(64, 64))
    for content, words in (
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG or JPEG"),
        (b"%PDF-1.7", "not a PNG or JPEG"),
        (picture("GIF"), "not a PNG or JPEG"),
        (whole[: len(whole) // 2], "damaged or cut off"),
        (picture(size=(4001, 1)), "4001 × 1 pixels"),
        (whole + b"x" * MAX_LOGO_BYTES, "bytes"),
    ):
        refused = billing.refused(billing.api.administrator, "/settings/logo", sent(content), 422)
        [error] = refused["errors"]
        assert error["pointer"] == "/content"
        assert words in error["detail"], error
    wrong = billing.refused(billing.api.administrator, "/settings/logo", {"content": "not base64!"}, 422)
    assert wrong["errors"][0]["detail"] == "It is not base64."
    assert billing.api.administrator.post("/settings/logo", sent(b"")).status_code == 422
    huge = billing.refused(billing.api.administrator, "/settings/logo", sent(b"x" * 50 * 2**20), 413)
    assert "The limit is" in huge["detail"]
    assert billing.sample.rows(t.company_logo) == []
