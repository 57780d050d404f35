"""Entity tags: a record's ETag, and the tags in If-Match. Source: RFC 9110, sections 8.8.3 and 13.1.1."""

import hashlib
import re

from flask import request

from workflows.core.errors import VersionChanged

TAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
TAGS = re.compile(rf"(?:W/)?{TAG.pattern}(?:[ \t]*,[ \t]*(?:W/)?{TAG.pattern})*")
VERSION_TAG = re.compile(r'^"(\d{1,18})"$', re.ASCII)


def version_tag(version: int | None) -> str | None:
    """The tag of a record's version, None without one."""
    return f'"{version}"' if version is not None else None


def contents_tag(body: bytes) -> str:
    """The tag of a record without a version: a hash of what is sent of it."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def read_expected_tags() -> list[str] | None:
    """Return the tags in If-Match, with their quotes, or None if there is nothing to check.

    Weak ones are left out: they never match. Raises: VersionChanged if it has no tags.
    """
    header = ", ".join(request.headers.getlist("If-Match")).strip()
    if header in ("", "*"):
        return None
    if not TAGS.fullmatch(header):
        raise VersionChanged(
            "If-Match does not name a version of this record.",
            remedy='Send the ETag that you last received, unchanged, for example If-Match: "3".',
        )
    return re.findall(rf"(?<!W/){TAG.pattern}", header)


def only_version(tags: list[str]) -> int | None:
    """The version that the only tag names; None if there are several, or another one."""
    found = VERSION_TAG.match(tags[0]) if len(tags) == 1 else None
    return int(found[1]) if found is not None else None


def changed_since(tag: str | None) -> VersionChanged:
    """The error for a record whose tag is none of those expected."""
    return VersionChanged(
        "The record has changed since you read it.",
        remedy=f"Read it again, and repeat the change with If-Match: {tag}.",
    )
