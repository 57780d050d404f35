"""Clients of the API for tests."""

import json
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.support.builders import DeskFixture
from web import create_app
from web.environment import Environment
from workflows.core.actors import Actor
from workflows.users.accounts import get_user
from workflows.users.tokens import NewToken, create_token

ENVIRONMENT = Environment(secret_key="a key for tests alone", log_format="console")


def app_of(new_desk: DeskFixture, environment: Environment = ENVIRONMENT) -> Flask:
    """Return the web application of a test desk."""
    app = create_app(new_desk.desk, environment)
    app.config["TESTING"] = False
    return app


def token_of(new_desk: DeskFixture, actor: Actor) -> str:
    """Create and return an API token."""
    email = new_desk.see(get_user, str(actor.id)).email
    return new_desk.do(create_token, NewToken(email=email)).text


class ApiClient:
    """A client with a token, or without one. Paths are relative to /api/v1."""

    def __init__(self, app: Flask, token: str | None) -> None:
        self.client = app.test_client()
        self.token = token

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.call("GET", path, headers=headers)

    def operations(self, path: str) -> TestResponse:
        """Get an operations endpoint, such as /readyz."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        return self.client.get(path, headers=sent)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.call("POST", path, body, headers=headers)

    def patch(self, path: str, body: Any, **headers: str) -> TestResponse:
        return self.call("PATCH", path, body, headers=headers)

    def delete(self, path: str, **headers: str) -> TestResponse:
        return self.call("DELETE", path, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        content_type: str | None = "application/json",
        headers: dict[str, str] | None = None,
    ) -> TestResponse:
        """Send a call; `body` is sent as JSON, `raw` as it is. Underscores in header names become dashes."""
        sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        data = json.dumps(body).encode() if body is not None else raw
        kind = content_type if data is not None else None
        return self.client.open(f"/api/v1{path}", method=method, data=data, content_type=kind, headers=sent)


class ApiClients:
    """A client for each staff role, and one without a token."""

    def __init__(self, new_desk: DeskFixture) -> None:
        self.fixture = new_desk
        self.app = app_of(new_desk)
        self.administrator = self.client_of(new_desk.administrator)
        self.finance = self.client_of(new_desk.finance)
        self.supervisor = self.client_of(new_desk.supervisor)
        self.technician = self.client_of(new_desk.technician)
        self.nobody = ApiClient(self.app, None)

    def client_of(self, actor: Actor) -> ApiClient:
        return ApiClient(self.app, token_of(self.fixture, actor))

    def customer(self, name: str, *org_units: str) -> tuple[str, ApiClient]:
        """Create a customer with a user; return the customer's id and a client."""
        customer_id = self.fixture.customer(name, *org_units)
        return customer_id, self.client_of(self.fixture.person("customer", name, customer=customer_id))
