"""Users create and revoke their own tokens; only administrators revoke those of others."""

import pytest

from tests.support.builders import Kit
from workflows.core.errors import NotAllowed, NotFound
from workflows.users.authentication import NotAuthenticated, authenticate_token
from workflows.users.tokens import NewOwnToken, create_own_token, list_tokens, revoke_token


def test_a_technician_creates_a_token_with_their_own_role(bare_kit: Kit) -> None:
    tom = bare_kit.technician
    made = bare_kit.do_as(tom, create_own_token, NewOwnToken(name="scripts", expires_days=30))
    opened = authenticate_token(bare_kit.desk, made.text)
    assert (opened.id, opened.role) == (tom.id, "technician")
    assert [one.name for one in bare_kit.see_as(tom, list_tokens, str(tom.id))] == ["scripts"]
    bare_kit.do_as(tom, revoke_token, made.id)
    with pytest.raises(NotAuthenticated):
        authenticate_token(bare_kit.desk, made.text)


def test_only_administrators_see_tokens_of_others(bare_kit: Kit) -> None:
    made = bare_kit.do_as(bare_kit.technician, create_own_token, NewOwnToken())
    with pytest.raises(NotFound):
        bare_kit.do_as(bare_kit.supervisor, revoke_token, made.id)
    with pytest.raises(NotAllowed):
        bare_kit.see_as(bare_kit.supervisor, list_tokens, str(bare_kit.technician.id))
    bare_kit.do_as(bare_kit.administrator, revoke_token, made.id)
    [revoked] = bare_kit.see(list_tokens, str(bare_kit.technician.id))
    assert revoked.revoked_at is not None
