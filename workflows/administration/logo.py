"""The logo of the provider: storing a picture that has been checked, and reading it (product.md 3)."""

import warnings
from dataclasses import dataclass
from io import BytesIO

from sqlalchemy import delete, select

from workflows.core.errors import NotFound, invalid
from workflows.core.transaction import Transaction
from workflows.languages.formats import number_text
from workflows.languages.texts import gettext
from workflows.store import tables as t

MAX_LOGO_BYTES = 1024 * 1024
MAX_PIXELS = 4000
"""Of width and height."""
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg"}
"""By the format that the library names. Photos of many telephones are MPO: a JPEG with more pictures behind
it, which only programs for these see."""
OPENED = ("PNG", "JPEG")
"""The library finds an MPO by itself when it opens a JPEG."""
SUBJECT = ("desk", "logo")

logo = t.company_logo


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture: its media type and its bytes."""

    media_type: str
    content: bytes


def store_logo(tx: Transaction, content: bytes) -> Logo:
    """Store the provider's logo, in place of an earlier one.

    Raises:
        NotAllowed: the actor is no administrator.
        InvalidInput: it is no PNG or JPEG picture, is cut off, or is larger than allowed.
    """
    tx.require("administrator")
    checked = Logo(_media_type(content), content)
    tx.connection.execute(delete(logo))
    tx.add(
        logo,
        id=1,
        media_type=checked.media_type,
        content=content,
        uploaded_at=tx.now,
        uploaded_by=tx.actor.name,
    )
    tx.audit(*SUBJECT, "stored", media_type=checked.media_type, bytes=len(content))
    return checked


def delete_logo(tx: Transaction) -> None:
    """Delete the logo. Raises: NotAllowed; NotFound if there is none."""
    tx.require("administrator")
    read_logo(tx)
    tx.connection.execute(delete(logo))
    tx.audit(*SUBJECT, "deleted")


def read_logo(tx: Transaction) -> Logo:
    """The logo; anyone who is logged in may see it. Raises: NotFound if there is none."""
    found = find_logo(tx)
    if found is None:
        raise NotFound(
            gettext("There is no logo."), remedy=gettext("An administrator uploads one in the settings.")
        )
    return found


def find_logo(tx: Transaction) -> Logo | None:
    """The logo, None if there is none."""
    row = tx.connection.execute(select(logo.c.media_type, logo.c.content)).one_or_none()
    return Logo(row.media_type, bytes(row.content)) if row is not None else None


def has_logo(tx: Transaction) -> bool:
    """Whether there is a logo."""
    return tx.connection.execute(select(logo.c.id)).scalar() is not None


def _media_type(content: bytes) -> str:
    """The media type of a picture, all of which can be read. Raises: InvalidInput."""
    if len(content) > MAX_LOGO_BYTES:
        raise invalid(
            "/content",
            gettext("The picture has %(len)s bytes.", len=number_text(len(content))),
            gettext("Send at most %(max_logo_bytes)s bytes.", max_logo_bytes=number_text(MAX_LOGO_BYTES)),
        )
    # not with the module: the library is needed by this function alone
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content), formats=OPENED) as picture:
                kind, size = str(picture.format), picture.size
                if max(size) <= MAX_PIXELS:
                    picture.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise invalid(
            "/content", gettext("This is not a PNG or JPEG picture."), gettext("Send one of these.")
        ) from None
    except (OSError, SyntaxError, ValueError):
        raise invalid(
            "/content", gettext("The picture is damaged or cut off."), gettext("Send the whole file.")
        ) from None
    if max(size) > MAX_PIXELS:
        raise invalid(
            "/content",
            gettext("The picture has %(size)s × %(size2)s pixels.", size=size[0], size2=size[1]),
            gettext("Send at most %(max_pixels)s in each direction.", max_pixels=MAX_PIXELS),
        )
    return MEDIA_TYPES[kind]
