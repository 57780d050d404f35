"""A real SMTP server for tests, with TLS where asked for."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from tests.support.certificates import ServerFiles
from tests.support.served import free_port

Tls = Literal["none", "starttls", "implicit"]


@dataclass
class Inbox:
    """What a server has received; `refuse` names a recipient that it refuses."""

    port: int
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    refuse: str = ""

    @property
    def messages(self) -> list[EmailMessage]:
        parser = BytesParser(policy=policy.default)
        return [parser.parsebytes(bytes(one.content or b"")) for one in self.envelopes]  # type: ignore[arg-type]

    # The names of the following methods are those that aiosmtpd calls.

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address == self.refuse:
            return "550 There is no such mailbox."
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 OK"

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any
    ) -> AuthResult:
        self.logins.append((given.login, given.password))
        return AuthResult(success=True)


@contextmanager
def mail_server(tls: Tls = "none", files: ServerFiles | None = None) -> Iterator[Inbox]:
    """Run a server on 127.0.0.1; with TLS, also known as localhost. It takes any user and password."""
    inbox = Inbox(free_port())
    options: dict[str, Any] = {}
    if files is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(files.certificate, files.key)
        if tls == "starttls":
            options = {"tls_context": context, "require_starttls": True, "authenticator": inbox.authenticate}
        else:
            options = {
                "ssl_context": context,
                "auth_require_tls": False,
                "authenticator": inbox.authenticate,
            }
    controller = Controller(inbox, hostname="127.0.0.1", port=inbox.port, **options)
    controller.start()
    try:
        yield inbox
    finally:
        controller.stop()
