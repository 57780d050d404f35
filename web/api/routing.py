"""The API's door: a route is a function of a transaction; the rest follows from its signature.

    @api.post("/org-units", status=201)
    def create(tx: Transaction, command: NewOrgUnit) -> OrgUnitView:
        '''Add an org unit.'''
        return get_org_unit(tx, create_org_unit(tx, command))

`command` is the body, `query` the query parameters, `expected_version` comes from If-Match, and every other
name stands in the path. What is returned is the answer; None is 204. A `Problem` that is returned, not
raised, is answered after its transaction has been committed. The OpenAPI document is made from the same.
"""

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from flask import Flask, Response, current_app, request
from pydantic import BaseModel, ConfigDict, TypeAdapter

from engine.errors import DeskError
from web.api.request_parsing import (
    read_actor,
    read_body,
    read_expected_version,
    read_idempotency_key,
    read_query,
    read_token,
)
from web.errors import PROBLEM_JSON, Problem
from workflows.commands.fields import Command
from workflows.core.actors import NOBODY, Actor
from workflows.core.desk import Desk
from workflows.core.errors import NotFound
from workflows.core.idempotency import Answer, Keyed, find_answer
from workflows.core.transaction import Transaction
from workflows.users.authentication import become_token_owner

BASE = "/api/v1"
PATH_NAME = re.compile(r"{(\w+)}")
FIT_FOR_AN_ID = re.compile(r"^[!-~]{1,64}$", re.ASCII)

Endpoint = Callable[..., Any]
T = TypeVar("T")


class NoQuery(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoFields(Command):
    """No fields: `{}` or no body."""


@dataclass(frozen=True, slots=True)
class Text:
    """An answer that is not JSON."""

    body: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T]):
    """An answer whose version is not one of its fields."""

    value: T
    version: int


@dataclass(frozen=True, slots=True)
class Accepted(Generic[T]):
    """An answer with 202: what was asked for comes later. Ask where the route's `accepted_at` says."""

    value: T


@dataclass(frozen=True)
class Operation:
    """One method of one path, and all that the document says of it."""

    method: str
    path: str
    endpoint: Endpoint
    tag: str
    status: int
    body: type[Any] | None
    query: type[BaseModel]
    answer: TypeAdapter[Any] | None
    answer_type: Any
    media_type: str
    path_names: tuple[str, ...]
    takes: frozenset[str]
    in_transaction: bool
    reads: bool
    reads_first: bool
    most_body_bytes: int | None
    conflicts: bool
    accepted: TypeAdapter[Any] | None
    accepted_at: str | None
    body_adapter: TypeAdapter[Any] = field(repr=False)

    @property
    def name(self) -> str:
        return self.endpoint.__name__

    def run(self, **path: str) -> Response:
        """Answer one call."""
        desk: Desk = current_app.extensions["coverdesk"]
        if self.reads_first and "Idempotency-Key" not in request.headers:
            token = read_token()
            return self._respond(
                desk.perform(NOBODY, partial(self._go_on, token, path), reads_first=True, alone=True)
            )
        actor = read_actor(desk)
        arguments, raw = self._read(path)
        return self._respond(self._answer(desk, actor, arguments, raw))

    def _go_on(self, token: str, path: dict[str, str], tx: Transaction) -> "_Rendered":
        """Answer a call over the one connection that also tells who calls."""
        become_token_owner(tx, token)
        arguments, _ = self._read(path)
        return self.render(self.endpoint(tx, **arguments))

    def _read(self, path: dict[str, str]) -> tuple[dict[str, Any], bytes]:
        """What the endpoint takes, and the body as it came."""
        if not all(map(FIT_FOR_AN_ID.match, path.values())):
            raise NotFound("There is nothing at this address.")
        arguments: dict[str, Any] = dict(path)
        query = read_query(self.query)
        if "query" in self.takes:
            arguments["query"] = query
        raw = b""
        if self.method != "GET":
            if self.most_body_bytes is not None:
                request.max_content_length = self.most_body_bytes
            raw, body = read_body()
            command = self.body_adapter.validate_python(body)
            if "command" in self.takes:
                arguments["command"] = command
        if "expected_version" in self.takes:
            arguments["expected_version"] = read_expected_version()
        return arguments, raw

    def _answer(
        self, desk: Desk, actor: Actor, arguments: dict[str, Any], raw: bytes
    ) -> "_Rendered | Answer":
        key = read_idempotency_key() if self.method == "POST" else None
        if not self.in_transaction and key is None:
            return self.render(self.endpoint(desk, actor, **arguments))
        if self.method == "GET" or (self.reads and key is None):
            with desk.read(actor) as tx:
                return self.render(self.endpoint(tx, **arguments))
        if key is None:
            return desk.perform(actor, lambda tx: self.render(self.endpoint(tx, **arguments)))
        keyed = Keyed(str(actor.id), key, f"{self.method} {request.path}", raw)

        def rendered(tx: Transaction, value: Any) -> Answer:
            found = self.render(value)
            return Answer(found.status, found.body.decode())

        if self.in_transaction and not self.reads:
            return desk.answer(
                actor,
                lambda tx: self.endpoint(tx, **arguments),
                rendered,
                keyed,
                reads_first=self.reads_first,
            )
        first = find_answer(desk.database, keyed)
        if first is not None:
            return first
        try:
            if self.reads:
                with desk.read(actor) as tx:
                    value = self.endpoint(tx, **arguments)
            else:
                value = self.endpoint(desk, actor, **arguments)
        except DeskError:
            # the same call may have been answered while this one ran, and what it asked for is done
            first = find_answer(desk.database, keyed)
            if first is None:
                raise
            return first
        return desk.answer(actor, lambda tx: value, rendered, keyed)

    def render(self, value: Any) -> "_Rendered":
        """The answer's status and body.

        Called inside the transaction, so that a failure undoes it, except what one statement has written.
        """
        if isinstance(value, Problem):
            return _Rendered(value.status, value.as_json().encode())
        if isinstance(value, Accepted) and self.accepted is not None:
            return _Rendered(202, self.accepted.dump_json(value.value))
        if isinstance(value, Text):
            return _Rendered(self.status, value.body.encode(), content_type=value.content_type)
        if self.answer is None:
            return _Rendered(204, b"")
        version = getattr(value, "version", None)
        if isinstance(value, Versioned):
            value = value.value
        return _Rendered(self.status, self.answer.dump_json(value), version if type(version) is int else None)

    def _respond(self, found: "_Rendered | Answer") -> Response:
        content_type = PROBLEM_JSON if found.status >= 400 else self.media_type
        if isinstance(found, Answer):
            response = Response(found.body, status=found.status, content_type=content_type)
            if found.replayed:
                response.headers["Idempotency-Replayed"] = "true"
            version = _version_in(found.body) if found.status < 400 else None
        else:
            response = Response(
                found.body, status=found.status, content_type=found.content_type or content_type
            )
            version = found.version
        if found.status == 202 and self.accepted_at is not None:
            response.headers["Location"] = BASE + self.accepted_at.format(**json.loads(found.body))
        if version is not None:
            response.headers["ETag"] = f'"{version}"'
        if found.status == 204:
            del response.headers["Content-Type"]
        return response


@dataclass(frozen=True, slots=True)
class _Rendered:
    status: int
    body: bytes
    version: int | None = None
    content_type: str | None = None


@dataclass
class RouteGroup:
    """The routes of one part of the API, under one heading of the document."""

    tag: str
    operations: list[Operation] = field(default_factory=list)

    def get(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._operation("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._operation("POST", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._operation("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._operation("DELETE", path, **options)

    def register(self, app: Flask) -> None:
        """Put the routes on the application."""
        for operation in self.operations:
            app.add_url_rule(
                BASE + PATH_NAME.sub(r"<\1>", operation.path),
                endpoint=f"api.{operation.name}",
                view_func=operation.run,
                methods=[operation.method],
                provide_automatic_options=False,
            )

    def _operation(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        reads: bool = False,
        reads_first: bool = False,
        conflicts: bool | None = None,
        body: type[Any] | None = None,
        media_type: str = "application/json",
        most_body_bytes: int | None = None,
        accepted_at: str | None = None,
    ) -> Callable[[Endpoint], Endpoint]:
        def declare(endpoint: Endpoint) -> Endpoint:
            hints = get_type_hints(endpoint, include_extras=True)
            names = list(inspect.signature(endpoint).parameters)
            answer_type, accepted = _answered(hints["return"])
            body_type = hints.get("command", NoFields)
            operation = Operation(
                method=method,
                path=path,
                endpoint=endpoint,
                tag=self.tag,
                status=204 if answer_type is type(None) else status,
                body=None if method == "GET" else body or body_type,
                query=hints.get("query", NoQuery),
                answer=None if answer_type in (type(None), Text) else TypeAdapter(answer_type),
                answer_type=answer_type,
                media_type=media_type,
                path_names=tuple(PATH_NAME.findall(path)),
                takes=frozenset(names),
                in_transaction=hints[names[0]] is Transaction,
                reads=reads,
                reads_first=reads_first,
                most_body_bytes=most_body_bytes,
                conflicts=method != "GET" if conflicts is None else conflicts,
                accepted=None if accepted is None else TypeAdapter(accepted),
                accepted_at=accepted_at,
                body_adapter=TypeAdapter(body_type),
            )
            self.operations.append(operation)
            return endpoint

        return declare


def _answered(returned: Any) -> tuple[Any, Any]:
    """What is answered where all goes well, and what where it is accepted for later (or None).

    Refusals have a schema of their own.
    """
    choices = get_args(returned) if get_origin(returned) in (Union, UnionType) else (returned,)
    accepted = [get_args(one)[0] for one in choices if get_origin(one) is Accepted]
    (answer,) = (one for one in choices if one is not Problem and get_origin(one) is not Accepted)
    answer = get_args(answer)[0] if get_origin(answer) is Versioned else answer
    return answer, accepted[0] if accepted else None


def _version_in(body: str) -> int | None:
    found = json.loads(body) if body else None
    version = found.get("version") if isinstance(found, dict) else None
    return version if type(version) is int else None
