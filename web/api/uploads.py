"""Files sent to the API: as the whole body, or as the field `file` of a form."""

from dataclasses import dataclass
from io import BytesIO

from flask import request
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.formparser import MultiPartParser

from web.errors import MalformedBody

FORM = "multipart/form-data"
FILE_TYPES = ("application/xml", "text/xml", "text/csv", "text/plain", "application/octet-stream")
"""The media types of a body that is a file. What the file is, its content says."""
MOST_OTHER_BYTES = 64 * 1024
"""Of the parts of a form that are not the file."""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file with the name that its sender gives it, "" if none."""

    name: str
    data: bytes


def parse_file(raw: bytes) -> UploadedFile:
    """The file that is a body, or is in it.

    Raises: UnsupportedMediaType; MalformedBody for a form without a file, or with something else.
    """
    if request.mimetype != FORM:
        if request.mimetype not in FILE_TYPES:
            raise UnsupportedMediaType
        return UploadedFile("", raw)
    parser = MultiPartParser(_in_memory, max_form_memory_size=MOST_OTHER_BYTES, max_form_parts=10)
    try:
        boundary = request.mimetype_params["boundary"].encode("ascii")
        fields, files = parser.parse(BytesIO(raw), boundary, len(raw))
    except (KeyError, ValueError) as error:  # a UnicodeEncodeError is a ValueError
        raise MalformedBody("The body is not a form.", remedy="Send the file as the field 'file'.") from error
    sent = files.getlist("file")
    if len(sent) != 1 or len(files) != 1 or fields:
        raise MalformedBody("The form is not one file.", remedy="Send one field, 'file', with the file.")
    return UploadedFile(sent[0].filename or "", sent[0].read())


def _in_memory(
    total_content_length: int | None,
    content_type: str | None,
    filename: str | None,
    content_length: int | None = None,
) -> BytesIO:
    """Where a part is stored: the whole body is in memory already, and its size is limited."""
    return BytesIO()
