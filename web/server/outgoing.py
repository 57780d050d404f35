"""The socket that the application's thread writes to: it never waits for the client to read."""

from socket import socket

WRITTEN_AT_ONCE = 64 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ResponseSocket:
    """Collects a response and sends as much of it as the system takes; the worker's poller sends the rest.

    It has those methods of a socket that gunicorn calls. `socket` is not blocking.
    """

    def __init__(self, connected: socket) -> None:
        self.socket = connected
        self.unsent = bytearray()

    def sendall(self, data: bytes) -> None:
        """Take all of it. Raises: OSError if the connection is closed."""
        self.unsent += data
        if len(self.unsent) > WRITTEN_AT_ONCE:
            self.flush()

    def send(self, data: bytes) -> int:
        """Take all of it and return its length. The worker sends "100 Continue" itself (see `worker.py`)."""
        if data != CONTINUE:
            self.sendall(data)
        return len(data)

    def flush(self) -> None:
        """Send what the system takes now. Raises: OSError if the connection is closed."""
        try:
            while self.unsent:
                with memoryview(self.unsent) as view:
                    sent = self.socket.send(view)
                del self.unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.unsent.clear()
            raise

    def recv(self, size: int) -> bytes:
        """Return b"": a whole request is read before its thread starts."""
        return b""

    def fileno(self) -> int:
        return self.socket.fileno()

    def gettimeout(self) -> float:
        return 0.0

    def settimeout(self, seconds: float | None) -> None:
        """Do nothing: no call waits."""

    def setblocking(self, flag: bool) -> None:
        """Do nothing: no call waits."""

    def shutdown(self, how: int) -> None:
        self.flush()

    def close(self) -> None:
        """Do nothing: the worker closes the connection when everything is sent."""
