"""The words of a record's texts, as they are stored and searched for."""

import re
import unicodedata

WORD = re.compile(r"[^\W_]+")
LONGEST_WORD = 64


def search_words(*texts: str | None) -> str:
    """The words of a record's texts as they are stored, with a space around each."""
    words = [word for one in texts if one for word in words_in(one)]
    return f" {' '.join(words)} " if words else " "


def request_words(number: str | None, subject: str, customer_name: str) -> str:
    """The words of a service request; the database adds those of a number that it assigns itself."""
    return search_words(subject, customer_name, number)


def words_in(given: str) -> list[str]:
    """The words of a text, in order."""
    plain = given.casefold()
    if not plain.isascii():
        decomposed = unicodedata.normalize("NFKD", plain)
        plain = "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()
    return [word[:LONGEST_WORD] for word in WORD.findall(plain)]
