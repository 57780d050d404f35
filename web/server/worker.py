"""A gunicorn worker whose threads run the application only.

gunicorn's own worker with threads gives each new connection a thread, which waits for the request, reads the
body and sends the response: as many slow clients as there are threads stop every answer. In its only poller
it also waits, for up to two seconds, until a client has closed its connection (gunicorn 27.0). Here the
poller reads and sends without waiting, and each connection has a deadline for what its client does next.
"""

import resource
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

from web.server.balance import Share
from web.server.incoming import IncomingRequest, StoredUnreader, TooLarge
from web.server.limits import (
    MOST_STORED,
    OPEN_FILES,
    OTHER_OPEN_FILES,
    SECONDS_TO_LINGER,
    SLOWEST_READER,
    SMALL_BODY,
    Limits,
    client_key,
)
from web.server.outgoing import CONTINUE, ResponseSocket
from web.server.refusals import problem_response

READ_AT_ONCE = 64 * 1024
SECONDS_TO_SEND = 30
SECONDS_BETWEEN_CHECKS = 0.25
SECONDS_BETWEEN_WARNINGS = 60
NO_DEADLINE = float("inf")
SECONDS_OF_IDLE_AT_STOP = 2


class Connection(TConn):
    """One client's connection. gunicorn writes to `sock`; `socket` is the system's."""

    def __init__(
        self, worker: "BufferingWorker", connected: socket.socket, address: Any, server: Any
    ) -> None:
        super().__init__(worker.cfg, connected, address, server)
        self.initialized = True
        self.socket = connected
        self.sock: Any = ResponseSocket(connected)
        self.parser: Any = RequestParser(worker.cfg, (), address)  # `_start` gives it the request
        self.key = client_key(address)
        self.request = IncomingRequest()
        self.is_idle = True
        self.stays_open = True
        self.deadline = NO_DEADLINE
        self.when_overdue: Callable[[Connection], None] = worker.close


class BufferingWorker(ThreadWorker):
    """Reads whole requests and sends responses in the poller, and closes connections that take too long.

    It has about as many connections as the other workers (`Share`).
    """

    _accepting: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.limits: Limits = self.app.limits  # type: ignore[attr-defined]  # of `Server` in web/cli
        self.share = Share(self.app.connection_counts)  # type: ignore[attr-defined]  # made by the parent
        self.connections: set[Connection] = set()
        self.of_client: Counter[str | None] = Counter()
        self.stored_bytes = 0
        self.next_check_at = self.next_warning_at = 0.0

    def init_process(self) -> None:
        self.worker_connections = min(self.worker_connections, allowed_connections())
        super().init_process()

    # ------------------------------------------------------------------ connections

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, unless its client has too many or a worker with fewer can accept it."""
        if self.share.leaves(self.nr_conns):
            super().set_accept_enabled(False)
            return
        try:
            connected, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        connected.setblocking(False)
        connection = Connection(self, connected, address, listener.getsockname())
        most = self.limits.connections_per_client
        if most is not None and connection.key is not None and self.of_client[connection.key] >= most:
            self._refuse_client(connection)
            return
        self.connections.add(connection)
        self.nr_conns += 1
        self.share.publish(self.nr_conns)
        self.of_client[connection.key] += 1
        connection.deadline = time.monotonic() + self.limits.header_seconds
        self._watch(connection, selectors.EVENT_READ, self._receive)
        self._receive(connection)

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Begin or stop to accept connections; called before each wait for events."""
        super().set_accept_enabled(bool(enabled) and not self.share.seconds_left)

    def wait_for_and_dispatch_events(self, timeout: float | None) -> None:
        """Handle what has happened, and publish how many connections are left."""
        times_left, accepted = self.share.times_left, self._accepting
        wait = self.share.seconds_left
        if not accepted and wait:
            timeout = wait if timeout is None else min(timeout, wait)
        super().wait_for_and_dispatch_events(timeout)
        if accepted and self.share.times_left == times_left:
            # nothing waited any more: another worker has taken it
            self.share.times_left = 0
        self.share.publish(self.nr_conns)

    def close(self, connection: Connection) -> None:
        """Close a connection at once."""
        if connection not in self.connections:
            return
        self._unwatch(connection)
        connection.socket.close()
        self.connections.discard(connection)
        self.nr_conns -= 1
        self.stored_bytes -= len(connection.request.stored)
        self.of_client[connection.key] -= 1
        if not self.of_client[connection.key]:
            del self.of_client[connection.key]

    def _refuse_client(self, connection: Connection) -> None:
        now = time.monotonic()
        if now >= self.next_warning_at:
            self.next_warning_at = now + SECONDS_BETWEEN_WARNINGS
            self.log.warning("Connections of %s are refused: it has too many.", connection.key)
        with connection.socket, suppress(OSError):
            connection.socket.send(problem_response(429))

    def _watch(self, connection: Connection, events: int, callback: Callable[[Connection], None]) -> None:
        self.poller.register(connection.socket, events, lambda _: callback(connection))

    def _unwatch(self, connection: Connection) -> None:
        with suppress(KeyError, ValueError):
            self.poller.unregister(connection.socket)

    # ------------------------------------------------------------------ requests

    def _receive(self, connection: Connection) -> None:
        """Read what the client has sent."""
        try:
            data = connection.socket.recv(READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            self.close(connection)
            return
        if data:
            self._add(connection, data)
        elif connection.request.has_head:
            self._refuse(
                connection, 400
            )  # its body ended too early: no part of it may be taken for the whole
        else:
            self.close(connection)

    def _add(self, connection: Connection, data: bytes) -> None:
        """Add data to the request, and give it to a thread when it is complete."""
        request = connection.request
        had_head, status = request.has_head, None
        if connection.is_idle:
            self._set_deadline(connection, self.limits.header_seconds, self._time_out)
            connection.is_idle = False
        self.stored_bytes -= len(request.stored)
        try:
            request.add(data)
        except TooLarge as error:
            status = error.status
        self.stored_bytes += len(request.stored)
        if status is None and self.stored_bytes > MOST_STORED and len(request.stored) > SMALL_BODY:
            status = 503
        if status is not None:
            self._refuse(connection, status)
        elif request.is_complete:
            self._start(connection)
        elif request.has_head and not had_head:
            self._await_body(connection)

    def _await_body(self, connection: Connection) -> None:
        self._set_deadline(connection, self.limits.body_seconds, self._time_out)
        if connection.request.expects_continue:
            connection.sock.sendall(CONTINUE)
            self._flush(connection)

    def _start(self, connection: Connection) -> None:
        self._unwatch(connection)
        connection.deadline = NO_DEADLINE
        stored = connection.request.stored
        connection.parser.unreader = StoredUnreader(bytes(stored))
        self.stored_bytes -= len(stored)
        stored.clear()
        self.enqueue_req(connection)

    def handle(self, conn: Any) -> bool:
        """Run the application, in a thread. Returns whether the connection stays open."""
        stays_open = bool(super().handle(conn))
        try:
            conn.sock.flush()
        except OSError:
            return False
        return stays_open

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Whether a next request may follow: only if gunicorn agrees on where this one ended.

        Otherwise what one of the two takes for a body would be a request to the other.
        """
        if not (keepalive and conn.request.is_whole and conn.parser.finish_body()):
            return False
        headers = conn.parser.mesg.headers
        length = next((value for name, value in headers if name == "CONTENT-LENGTH"), "0")
        return int(length) == conn.request.length and not conn.parser.unreader.read(1)

    # ------------------------------------------------------------------ responses

    def finish_request(self, conn: Any, fs: "Future[bool]") -> None:
        """Send the rest of the response; then expect the next request, or close."""
        failed = fs.cancelled() or fs.exception() is not None
        conn.stays_open = self.alive and not failed and fs.result()
        if conn.sock.unsent:
            self._send_rest(conn)
        else:
            self._end_response(conn)

    def _send_rest(self, connection: Connection) -> None:
        """Wait until the client has read more of the response."""
        left = len(connection.sock.unsent)
        self._set_deadline(connection, SECONDS_TO_SEND + left / SLOWEST_READER, self.close)
        self._watch(connection, selectors.EVENT_WRITE, self._send)

    def _send(self, connection: Connection) -> None:
        if self._flush(connection) and not connection.sock.unsent:
            self._unwatch(connection)
            self._end_response(connection)

    def _flush(self, connection: Connection) -> bool:
        try:
            connection.sock.flush()
        except OSError:
            self.close(connection)
            return False
        return True

    def _end_response(self, connection: Connection) -> None:
        if not connection.stays_open:
            self._linger(connection)
            return
        rest, connection.request = connection.request.rest, IncomingRequest()
        connection.is_idle = True
        self._set_deadline(connection, self.cfg.keepalive, self.close)
        self._watch(connection, selectors.EVENT_READ, self._receive)
        if rest:
            self._add(connection, rest)

    def _refuse(self, connection: Connection, status: int) -> None:
        """Respond with an error for which the application is not needed, and close."""
        self._unwatch(connection)
        connection.stays_open = False
        connection.sock.sendall(problem_response(status))
        if not self._flush(connection):
            return
        if connection.sock.unsent:
            self._send_rest(connection)
        else:
            self._linger(connection)

    def _linger(self, connection: Connection) -> None:
        """Close for sending, and entirely once the client has read everything and closes as well.

        Closing at once would make the system discard what the client has not read (RFC 9112, section 9.6).
        """
        try:
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close(connection)
            return
        self._set_deadline(connection, SECONDS_TO_LINGER, self.close)
        self._watch(connection, selectors.EVENT_READ, self._discard)

    def _discard(self, connection: Connection) -> None:
        try:
            ended = not connection.socket.recv(READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            self.close(connection)

    # ------------------------------------------------------------------ deadlines

    def murder_keepalived(self, force: bool = False) -> None:
        """Close the connections whose deadline has passed, or all. gunicorn calls it after each poll."""
        now = time.monotonic()
        if force:
            for connection in list(self.connections):
                self.close(connection)
        elif now >= self.next_check_at:
            self.next_check_at = now + SECONDS_BETWEEN_CHECKS
            if not self.alive:
                self._end_idle(now)
            for connection in [one for one in self.connections if one.deadline <= now]:
                connection.when_overdue(connection)

    def murder_pending(self) -> None:
        """Do nothing: `murder_keepalived` closes every connection."""

    def _end_idle(self, now: float) -> None:
        """Give idle connections of a stopping worker a little time: their clients may be sending."""
        for connection in self.connections:
            if connection.is_idle:
                connection.deadline = min(connection.deadline, now + SECONDS_OF_IDLE_AT_STOP)

    def _set_deadline(
        self, connection: Connection, seconds: float, when_overdue: Callable[[Connection], None]
    ) -> None:
        connection.deadline = time.monotonic() + seconds
        connection.when_overdue = when_overdue

    def _time_out(self, connection: Connection) -> None:
        self._refuse(connection, 408)


def allowed_connections() -> int:
    """Return how many connections the limit of open files allows, after raising it as far as is useful."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    useful = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < useful:
        resource.setrlimit(resource.RLIMIT_NOFILE, (useful, hard))
        soft = useful
    return OPEN_FILES if soft == resource.RLIM_INFINITY else max(1, soft - OTHER_OPEN_FILES)
