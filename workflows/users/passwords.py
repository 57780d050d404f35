"""Passwords: which are accepted, and how they are hashed (argon2id) and verified."""

import re
import secrets
from functools import cache
from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import Field, StringConstraints

from workflows.commands.fields import PASSWORD
from workflows.core.errors import invalid
from workflows.languages.common_words import common_words, spellings
from workflows.languages.texts import gettext

LEAST_LENGTH, MOST_LENGTH = 12, 1000
Password = Annotated[
    str,
    StringConstraints(min_length=LEAST_LENGTH, max_length=MOST_LENGTH),
    Field(json_schema_extra=PASSWORD),
]
FEWEST_GUESSES = 10**6
"""How many guesses a password must withstand: more than a login that slows down will ever answer."""
LONGEST_ESTIMATED = 72
"""Characters that are estimated: the time for it grows with their square."""
OWN_NAME = "coverdesk"
_ENDS = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_LETTER_LIKE = str.maketrans("@4310$5", "aaeioss")
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def new_password_hash(password: str, pointer: str, *about: str) -> str:
    """The hash of a new password for the user whom `about` describes: the email address and the name.

    Raises: InvalidInput at the `pointer` for a password that is too short or long, or easy to guess.
    """
    if len(password) < LEAST_LENGTH:
        raise invalid(
            pointer,
            gettext(
                "The password must have at least %(least_length)s characters.", least_length=LEAST_LENGTH
            ),
        )
    if len(password) > MOST_LENGTH:
        raise invalid(
            pointer,
            gettext("The password must have at most %(most_length)s characters.", most_length=MOST_LENGTH),
        )
    if is_easy_to_guess(password, *about):
        raise invalid(
            pointer,
            gettext("This password is commonly used or easy to guess."),
            gettext("Choose another one, for example four words that have nothing to do with each other."),
        )
    return HASHER.hash(password.encode("utf-8", "replace"))


def is_easy_to_guess(password: str, *about: str) -> bool:
    """Whether a password is a known one, close to one, or made of what is known about the user.

    The list of known passwords, names and words is that of the package zxcvbn, which also knows common
    changes to them; it is English, so that common words of the other languages are looked for besides.
    Source: Wheeler, zxcvbn, USENIX Security 2016; NIST SP 800-63B, 3.1.1.2.
    """
    # its lists take 25 ms and 10 MB to load: only where a password is set, not at each start
    from zxcvbn import zxcvbn

    words = [[part for part in re.split(r"[\W_]+", text) if part] for text in about]
    joined = [sign.join(parts) for parts in words if len(parts) > 1 for sign in ("", ".", "-", "_")]
    known = [OWN_NAME, *about, *joined, *(part for parts in words for part in parts if len(part) > 2)]
    found = zxcvbn(password[:LONGEST_ESTIMATED], user_inputs=known, max_length=LONGEST_ESTIMATED)
    return bool(found["guesses"] < FEWEST_GUESSES) or is_made_of_common_words(password)


def is_made_of_common_words(password: str) -> bool:
    """Whether a password is one or two common words, with digits and signs before, between or after them.

    The words are English, German and French, also where signs stand for letters: "P@sswort-2026!".
    """
    words = common_words()
    # at the ends a digit or a sign is an addition, between letters it may stand for one
    core = _ENDS.sub("", password)
    for text in {core, core.translate(_LETTER_LIKE)}:
        for joined in spellings(text):
            if joined in words:
                return True
            if any(
                joined[:place] in words and joined[place:] in words for place in range(3, len(joined) - 2)
            ):
                return True
    return False


def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether the password matches the hash. It takes as long without a hash, so as not to reveal that."""
    another = _hash_of_nothing()
    try:
        HASHER.verify(password_hash or another, password.encode("utf-8", "replace"))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _hash_of_nothing() -> str:
    """Return a hash that no password matches. It takes as long as a login, so not at each start."""
    return HASHER.hash(secrets.token_urlsafe(16))
