"""How much of a request has arrived, so that a thread is given complete requests only.

Whether a request is valid is decided by gunicorn's parser. It reads what was stored here, never the socket:
where the two disagree about the length of a request, the parser finds the end of the stream, and refuses.
Source: RFC 9112, sections 2, 6 and 7.
"""

import re
from io import BytesIO
from typing import Any

from gunicorn.http.unreader import Unreader

from web.server.limits import LARGEST_BODY, LARGEST_DISCARDED_BODY, LARGEST_HEAD

HEAD_END = b"\r\n\r\n"
LARGEST_LINE = 8190
"""As gunicorn's `limit_request_line`; also the longest line with the size of a chunk."""

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding[ \t]*:[^\r\n]*chunked", re.IGNORECASE)
CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;|$)")
EXPECT = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


class TooLarge(Exception):
    """A head that is too large; `status` is 414 for the request line and 431 for the headers."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class IncomingRequest:
    """Stores what arrives on a connection until one request is complete.

    `is_whole` is false if its body was not received to its end, because it is too long or malformed: where
    the next request begins is not known then. `rest` is the beginning of the next request.
    """

    def __init__(self) -> None:
        self.stored = bytearray()
        self.has_head = False
        self.length = 0
        self.expects_continue = False
        self._body: _LengthBody | _ChunkedBody = _LengthBody(0)
        self.rest = b""

    @property
    def is_complete(self) -> bool:
        return self.has_head and self._body.is_complete

    @property
    def is_whole(self) -> bool:
        return self.is_complete and self._body.is_whole

    def add(self, data: bytes) -> None:
        """Add what was received. Raises: TooLarge."""
        if self.has_head:
            self._add_body(data)
            return
        searched = max(0, len(self.stored) - len(HEAD_END) + 1)
        self.stored += data
        end = self.stored.find(HEAD_END, searched)
        if end < 0 or end > LARGEST_HEAD:
            self._check_size(end)
        else:
            self._begin_body(end + len(HEAD_END))

    def _check_size(self, end: int) -> None:
        line_end = self.stored.find(b"\r\n", 0, LARGEST_LINE + 2)
        if line_end < 0 and len(self.stored) > LARGEST_LINE + 2:
            raise TooLarge(414)
        if end > LARGEST_HEAD or len(self.stored) > LARGEST_HEAD:
            raise TooLarge(431)

    def _begin_body(self, start: int) -> None:
        head, received = bytes(self.stored[:start]), bytes(self.stored[start:])
        del self.stored[start:]
        self.has_head = True
        length = CONTENT_LENGTH.search(head)
        if CHUNKED.search(head):
            self._body = _ChunkedBody()
        elif length is not None:
            self.length = int(length[1])
            self._body = _LengthBody(self.length)
        self.expects_continue = EXPECT.search(head) is not None
        self._add_body(received)

    def _add_body(self, data: bytes) -> None:
        used = self._body.add(data)
        self.stored += data[: min(used, LARGEST_HEAD + LARGEST_BODY - len(self.stored))]
        self.rest = data[used:]


class _LengthBody:
    """A body whose length is declared. One that is too long to be received counts as complete at once."""

    def __init__(self, length: int) -> None:
        self.is_whole = length <= LARGEST_DISCARDED_BODY
        self._left = length if self.is_whole else 0

    @property
    def is_complete(self) -> bool:
        return self._left == 0

    def add(self, data: bytes) -> int:
        """Return how many of the bytes belong to the body."""
        used = min(len(data), self._left)
        self._left -= used
        return used


class _ChunkedBody:
    """A body in chunks. One that is malformed or too long counts as complete: the parser refuses it."""

    def __init__(self) -> None:
        self.is_whole = True
        self.is_complete = False
        self._received = 0
        self._line = bytearray()
        self._in_trailers = False
        self._left = 0
        """Bytes left of the current chunk and the line end after it."""

    def add(self, data: bytes) -> int:
        """Return how many of the bytes belong to the body."""
        at = 0
        while at < len(data) and not self.is_complete:
            if self._left:
                used = min(self._left, len(data) - at)
                self._left -= used
                at += used
            else:
                at = self._add_to_line(data, at)
        self._received += at
        if self._received > LARGEST_DISCARDED_BODY:
            self._give_up()
        return at

    def _add_to_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        until = len(data) if end < 0 else end + 1
        self._line += data[at:until]
        if len(self._line) > LARGEST_LINE:
            self._give_up()
        elif end >= 0:
            self._end_line(bytes(self._line).strip())
            self._line.clear()
        return until

    def _end_line(self, line: bytes) -> None:
        if self._in_trailers:
            self.is_complete = not line
            return
        size = CHUNK_SIZE.match(line)
        if size is None:
            self._give_up()
        elif int(size[1], 16) == 0:
            self._in_trailers = True
        else:
            self._left = int(size[1], 16) + len(b"\r\n")

    def _give_up(self) -> None:
        self.is_complete, self.is_whole = True, False


class StoredUnreader(Unreader):
    """Gives gunicorn's parser the bytes of one request, and then the end of the stream."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__()
        self.buf = BytesIO(data)

    def read(self, size: int | None = None, read_ahead: int | None = None) -> bytes:
        """Return `size` bytes, or without a size a piece as large as one that a socket would return."""
        return self.buf.read(max(8192, read_ahead or 0) if size is None or size < 0 else size)

    def unread(self, data: Any) -> None:
        """Return the last bytes that were read."""
        self.buf.seek(-len(data), 1)
