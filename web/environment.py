"""The configuration of a deployment: environment variables and an optional `.env` file."""

import secrets
from datetime import timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from re import ASCII
from re import compile as regex
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from workflows.core.session_limits import SessionLimits
from workflows.notifications.mail import read_smtp_url
from workflows.notifications.webhooks.addresses import UnusableUrl, read_hosts

DEFAULT_KEYS = frozenset({"change-me", "changeme", "default", "dev", "development", "secret", "test"})
MIN_KEY_LENGTH = 16
BASE_URL = regex(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?(/[^\s?#]*)?", ASCII)


class Environment(BaseSettings):
    """The `COVERDESK_*` variables. A variable that is set but empty counts as not set."""

    model_config = SettingsConfigDict(
        env_prefix="COVERDESK_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
    )

    database_url: str = "sqlite:///var/coverdesk.db"
    secret_key: str | None = None
    rules_dir: Path = Path("rules")
    sandbox: bool = False
    smtp_url: str | None = None
    base_url: str | None = None
    allowed_hosts: str = ""
    """Further host names of the desk besides that of `base_url`, separated by commas."""
    webhook_hosts: str = ""
    """Hosts that webhooks may be sent to although their addresses are not public, separated by commas."""
    stripe_secret_key: Annotated[str | None, Field(min_length=8)] = None
    """The key of Stripe's API: with it and the next one, invoices can be paid online."""
    stripe_webhook_secret: Annotated[str | None, Field(min_length=8)] = None
    """The secret by which Stripe signs what it sends to /payment-notices/stripe."""
    stripe_api_base: str | None = None
    """The address of Stripe's API, if it is another one, as that of a server for tests."""
    monitoring_token: Annotated[str | None, Field(min_length=16)] = None
    """The bearer token for the details of /readyz and /metrics."""
    log_format: Literal["json", "console"] | None = None
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    """How many trusted proxies in front of the server append to X-Forwarded-For."""
    header_seconds: Annotated[int, Field(ge=1, le=600)] = 10
    """How long a client may take to send the head of a request, from its first byte."""
    body_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """How long a client may take to send the whole body of a request."""
    connections_per_client: Annotated[int, Field(ge=0, le=10_000)] = 100
    """Connections of one address to one server process; 0 for any number. Not applied behind a proxy."""

    @field_validator("smtp_url")
    @classmethod
    def _check_smtp_url(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                read_smtp_url(value)
            except ValueError as error:
                raise PydanticCustomError("smtp_url", "It {reason}.", {"reason": str(error)}) from None
        return value

    @field_validator("webhook_hosts")
    @classmethod
    def _check_webhook_hosts(cls, value: str) -> str:
        try:
            read_hosts(value)
        except UnusableUrl as error:
            raise PydanticCustomError("webhook_hosts", "{reason}", {"reason": str(error)}) from None
        return value

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str | None) -> str | None:
        if value is not None and not BASE_URL.fullmatch(value):
            raise ValueError("Write the whole address, for example https://desk.example.com.")
        return value

    @model_validator(mode="after")
    def _has_both_stripe_secrets(self) -> Self:
        if (self.stripe_secret_key is None) != (self.stripe_webhook_secret is None):
            raise ValueError("Set both COVERDESK_STRIPE_SECRET_KEY and COVERDESK_STRIPE_WEBHOOK_SECRET.")
        return self

    session_idle_hours: Annotated[int, Field(ge=1, le=8760)] = 12
    session_days: Annotated[int, Field(ge=1, le=3650)] = 30

    @property
    def session_limits(self) -> SessionLimits:
        """After how long without use, and after how long at the latest, a login session ends."""
        return SessionLimits(
            idle=timedelta(hours=self.session_idle_hours), longest=timedelta(days=self.session_days)
        )

    @cached_property
    def session_key(self) -> str:
        """The key that signs sessions: the configured one, or a random one for the life of this process."""
        return self.secret_key or secrets.token_urlsafe(32)

    @property
    def is_https(self) -> bool:
        return (self.base_url or "").lower().startswith("https://")

    def secret_key_problem(self) -> str | None:
        """Return why the secret key is unsafe on a public address, or None if it is strong enough."""
        if not self.secret_key:
            return "COVERDESK_SECRET_KEY is not set."
        if self.secret_key.lower() in DEFAULT_KEYS:
            return "COVERDESK_SECRET_KEY is a well-known default value."
        if len(self.secret_key) < MIN_KEY_LENGTH:
            return f"COVERDESK_SECRET_KEY has fewer than {MIN_KEY_LENGTH} characters."
        return None


def is_loopback(host: str) -> bool:
    """Return whether a server bound to `host` is reachable only from the same machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
