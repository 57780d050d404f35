"""Which passwords are refused: the known ones, those close to them, and those made of the user's own data."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import DeskFixture
from workflows.core.errors import InvalidInput
from workflows.demo import DEMO_PASSWORD
from workflows.users.accounts import ChangeUser, NewUser, change_user, create_user
from workflows.users.passwords import is_easy_to_guess

KNOWN = [
    "password1234",
    "passwordpassword",
    "P@ssw0rd1234",
    "qwertyuiop12",
    "1q2w3e4r5t6y",
    "iloveyou1234",
    "welcome12345",
    "administrator",
    "aaaaaaaaaaaa",
    "abcdefghijkl",
    "123456789012",
    "letmeinletmein",
    "Sommer2026!!!",
    "Passwort123!",
    "P@ssw0rt-2026",
    "motdepasse2026",
    "Willkommen2026",
    "2026-Bienvenue!",
    "Frühling2026!",
    "fruehling2026",
    "Vendredi2026!!",
    "Deutschland1!",
    "Kundenservice1",
    "ServiceClient1",
    "Administrateur",
]
GOOD = [
    "correct horse battery",
    "a very long password",
    "kq8$zR2!mWx7",
    "blaue Tasse im Regal",
    "Sommer am Bodensee 1987",
    "quatre mots sans rapport",
    "Sommer\u0434\u043e\u043c\u043e\u0432\u043e\u0439",
    DEMO_PASSWORD,
]


@pytest.mark.parametrize("password", KNOWN)
def test_known_passwords_are_easy_to_guess(password: str) -> None:
    assert is_easy_to_guess(password)
    assert is_easy_to_guess(password.upper())


@pytest.mark.parametrize("password", GOOD)
def test_sentences_and_random_texts_are_not(password: str) -> None:
    assert not is_easy_to_guess(password, "sue@staff.example", "Sue")


def test_what_is_known_about_the_user_is_easy_to_guess() -> None:
    about = ("zbigniew.kowalczyk@staff.example", "Zbigniew Kowalczyk")
    for password in ("kowalczyk1234", "zbigniewkowalczyk", *about):
        assert is_easy_to_guess(password, *about), password
    assert is_easy_to_guess("coverdesk1234")


@given(st.text(min_size=12, max_size=1000), st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_every_text_gets_an_answer(password: str, name: str) -> None:
    assert is_easy_to_guess(password, name) in (True, False)


def test_each_way_to_set_a_password_refuses_a_known_one(bare_desk: DeskFixture) -> None:
    new = NewUser(email="sue@staff.example", role="finance", password="password1234")
    with pytest.raises(InvalidInput, match="commonly used or easy to guess") as refusal:
        bare_desk.do(create_user, new)
    assert refusal.value.values["pointer"] == "/password"
    sue = bare_desk.do(create_user, new.model_copy(update={"password": "correct horse battery"}))
    for password in ("password1234", "sue@staff.example"):
        with pytest.raises(InvalidInput) as refusal:
            bare_desk.do(change_user, sue, ChangeUser(password=password))
        assert refusal.value.values["pointer"] == "/password"


def test_the_list_is_loaded_only_when_a_password_is_set() -> None:
    program = "import sys, web.cli, web.pages, web.api; sys.exit('zxcvbn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("password", ["lotta.bryn2026", "lottabryn2026", "lotta-bryn1990", "lotta_bryn2026"])
def test_a_name_whose_words_are_joined_is_easy_to_guess(password: str) -> None:
    assert is_easy_to_guess(password, "lotta@staff.example", "Lotta Bryn")
    assert not is_easy_to_guess(password, "sue@staff.example", "Sue Hill")
