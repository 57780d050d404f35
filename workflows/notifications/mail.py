"""Mail: the server's address, a message whose headers no customer can shape, and sending it.

Python's mail library decodes encoded words (`=?utf-8?q?...?=`) in what it is given as a header, and CPython
before 3.11.10 writes the line ends that it finds in them. So it is given nothing that it would decode, and
the headers are compared with what was meant before a message is sent. Source: RFC 2047, RFC 5322, RFC 3207.
"""

import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from re import ASCII
from re import compile as regex
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

TIMEOUT_SECONDS = 20
HEADERS = frozenset(
    "From To Subject Date Message-ID Auto-Submitted"
    " Content-Type Content-Transfer-Encoding MIME-Version".split()
)
ENCODED_WORD = "=?"
ADDRESS = regex(r"[^\s\x00-\x20\x7f()<>,;:\\\"\[\]@]+@[\w.-]+")
HOST = regex(r"[A-Za-z0-9._:-]+", ASCII)

BODY_ENCODING = "Content-Transfer-Encoding"
"""With an attachment each part has its own."""

Tls = Literal["none", "starttls", "implicit"]


class UnusableMessage(Exception):
    """A message that cannot be sent as mail, whatever the server."""


class ServerUnreachable(Exception):
    """The mail server cannot be used at all: no connection, no verified certificate, no login."""


class Attachment(NamedTuple):
    """A file that goes with a mail; `content_type` such as application/pdf."""

    name: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """One message. `id` is that of its row in the outbox: a repeated delivery has the same Message-ID."""

    id: str
    recipient: str
    subject: str
    body: str
    written_at: datetime
    attachment: Attachment | None = None


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is sent, and how; the certificate is verified wherever TLS is used."""

    host: str
    port: int
    tls: Tls
    user: str
    password: str
    sender: str


def read_smtp_url(url: str) -> MailServer:
    """Read `smtp://user:password@host:587/?from=desk@example.com` or `smtps://...`.

    With a user, or with `starttls=required`, `smtp` begins TLS before anything else is sent.
    Raises: ValueError, in words.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps"):
        raise ValueError("must begin with smtp:// or smtps://")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("has a port that is not a number from 1 to 65535") from None
    if parts.hostname is None or not HOST.fullmatch(parts.hostname):
        raise ValueError("names no host")
    given = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    unknown = sorted(given.keys() - {"from", "starttls"})
    if unknown:
        raise ValueError(f"has the unknown parameter {unknown[0]!r}; from and starttls are known")
    if given.get("starttls", "required") != "required":
        raise ValueError("can only have starttls=required")
    user = unquote(parts.username or "")
    sender = given.get("from") or f"coverdesk@{parts.hostname}"
    if not is_usable_address(sender):
        raise ValueError(f"has a sender that is not a mail address: {sender!r}")
    implicit = parts.scheme == "smtps"
    tls: Tls = "implicit" if implicit else "starttls" if user or "starttls" in given else "none"
    port = port or (465 if implicit else 25)
    return MailServer(parts.hostname, port, tls, user, unquote(parts.password or ""), sender)


def is_usable_address(address: str) -> bool:
    """Whether an address can be a header without being taken for anything else."""
    return ADDRESS.fullmatch(address) is not None and ENCODED_WORD not in address and address.isprintable()


def compose(mail: Mail, sender: str) -> EmailMessage:
    """Compose a message. Raises: UnusableMessage if an address cannot be used or a header is not as meant."""
    if not is_usable_address(mail.recipient):
        raise UnusableMessage(f"{mail.recipient!r} is not an address that mail can be sent to.")
    message = EmailMessage(policy=policy.SMTPUTF8)
    message["From"] = _address(sender)
    message["To"] = _address(mail.recipient)
    message["Subject"] = plain_subject(mail.subject)
    message["Date"] = mail.written_at
    message["Message-ID"] = f"<{mail.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body)
    if mail.attachment is not None:
        name, content_type, body = mail.attachment
        maintype, _, subtype = content_type.partition("/")
        message.add_attachment(body, maintype=maintype, subtype=subtype, filename=name)
    _require_headers(message, {"From": sender, "To": mail.recipient})
    return message


def plain_subject(subject: str) -> str:
    """A subject on one line, in which nothing can be decoded."""
    printable = "".join(char if char.isprintable() else " " for char in subject)
    return " ".join(printable.split()).replace(ENCODED_WORD, "= ?")


def send(server: MailServer, mail: Mail) -> None:
    """Send a message.

    Raises: UnusableMessage; ServerUnreachable; smtplib.SMTPException if the server refuses this message.
    """
    message = compose(mail, server.sender)
    with _connect(server) as connected:
        # The recipient is named here, and not read from the headers.
        connected.send_message(message, from_addr=server.sender, to_addrs=[mail.recipient])


def _connect(server: MailServer) -> smtplib.SMTP:
    verified = ssl.create_default_context()
    try:
        if server.tls == "implicit":
            connected: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=TIMEOUT_SECONDS, context=verified
            )
        else:
            connected = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
        try:
            if server.tls == "starttls":
                connected.starttls(context=verified)
            if server.user:
                connected.login(server.user, server.password)
        except BaseException:
            connected.close()
            raise
    except OSError as error:  # smtplib's and ssl's errors are kinds of it
        raise ServerUnreachable(f"{server.host}:{server.port}: {error}") from error
    return connected


def _address(text: str) -> Address:
    user, _, domain = text.rpartition("@")
    return Address(username=user, domain=domain)


def _require_headers(message: EmailMessage, expected: dict[str, str]) -> None:
    """Raise UnusableMessage unless the message, as it is written, has the headers that were meant."""
    written = BytesHeaderParser(policy=policy.SMTPUTF8).parsebytes(message.as_bytes())
    meant = HEADERS - {BODY_ENCODING} if message.is_multipart() else HEADERS
    if len(written.keys()) != len(meant) or set(written.keys()) != meant:
        raise UnusableMessage("The message would have other headers than those that were meant.")
    for name, value in expected.items():
        if str(written[name]) != value:
            raise UnusableMessage(f"The header {name} would be {str(written[name])!r}, not {value!r}.")
