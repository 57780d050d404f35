"""Users create and revoke their own tokens; only administrators revoke those of others."""

import pytest

from tests.support.builders import DeskFixture
from workflows.core.errors import NotAllowed, NotFound
from workflows.users.authentication import NotAuthenticated, authenticate_token
from workflows.users.tokens import NewOwnToken, create_own_token, list_tokens, revoke_token


def test_a_technician_creates_a_token_with_their_own_role(bare_desk: DeskFixture) -> None:
    tom = bare_desk.technician
    made = bare_desk.do_as(tom, create_own_token, NewOwnToken(name="scripts", expires_days=30))
    opened = authenticate_token(bare_desk.desk, made.text)
    assert (opened.id, opened.role) == (tom.id, "technician")
    assert [one.name for one in bare_desk.see_as(tom, list_tokens, str(tom.id))] == ["scripts"]
    bare_desk.do_as(tom, revoke_token, made.id)
    with pytest.raises(NotAuthenticated):
        authenticate_token(bare_desk.desk, made.text)


def test_only_administrators_see_tokens_of_others(bare_desk: DeskFixture) -> None:
    made = bare_desk.do_as(bare_desk.technician, create_own_token, NewOwnToken())
    with pytest.raises(NotFound):
        bare_desk.do_as(bare_desk.supervisor, revoke_token, made.id)
    with pytest.raises(NotAllowed):
        bare_desk.see_as(bare_desk.supervisor, list_tokens, str(bare_desk.technician.id))
    bare_desk.do_as(bare_desk.administrator, revoke_token, made.id)
    [revoked] = bare_desk.see(list_tokens, str(bare_desk.technician.id))
    assert revoked.revoked_at is not None
