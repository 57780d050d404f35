"""Secrets that are given out once: of API tokens, sessions, devices and links. Only hashes are stored."""

import hashlib
import secrets

SECRET_BYTES = 32


def new_secret(prefix: str = "") -> str:
    """A random text of 256 bits that is safe in a URL, with a prefix that says what it is."""
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def secret_hash(text: str) -> str:
    """The stored hash of a secret. A secret is random enough that a plain hash cannot be reversed."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
