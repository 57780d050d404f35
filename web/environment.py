"""What a deployment is told by its environment, and by a `.env` file beside it."""

import secrets
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_KEYS = frozenset({"change-me", "changeme", "default", "dev", "development", "secret", "test"})
SHORTEST_KEY = 16


class Environment(BaseSettings):
    """`COVERDESK_*`. A variable that is set but empty counts as not set."""

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
    log_format: Literal["json", "console"] | None = None
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    """How many proxies in front of the server add to X-Forwarded-For."""

    @cached_property
    def session_key(self) -> str:
        """The key that signs sessions: the one that was set, or one drawn for this start."""
        return self.secret_key or secrets.token_urlsafe(32)

    @property
    def is_https(self) -> bool:
        return (self.base_url or "").lower().startswith("https://")

    def weak_key(self) -> str | None:
        """What is wrong with the secret key for a server that others can reach; None where it will do."""
        if not self.secret_key:
            return "COVERDESK_SECRET_KEY is not set."
        if self.secret_key.lower() in DEFAULT_KEYS:
            return "COVERDESK_SECRET_KEY is a default one."
        if len(self.secret_key) < SHORTEST_KEY:
            return f"COVERDESK_SECRET_KEY has fewer than {SHORTEST_KEY} characters."
        return None


def is_loopback(host: str) -> bool:
    """Whether a server bound to `host` can only be reached from the machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
