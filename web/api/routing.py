"""Routing of the API: a route is a function of a transaction; everything else follows from its signature.

    @api.post("/org-units", status=201)
    def create(tx: Transaction, command: NewOrgUnit) -> OrgUnitView:
        '''Add an org unit.'''
        return get_org_unit(tx, create_org_unit(tx, command))

`command` is the body, `file` a body that is a file, `query` the query parameters, `expected_version` the
version in If-Match; every other argument is a part of the path. Where a record has no version of its own,
`once_locked` compares it with If-Match: the use case calls it once it has locked the record. The return value
is the response body; None responds with 204. A `Problem` that is returned, not raised, commits the
transaction. The OpenAPI document is generated from the same signatures.

A record that is read or changed has an ETag: its version, or where it has none a hash of its contents.
If-Match of a change is compared with the one of the GET of the same record.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from types import UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from flask import Flask, Response, current_app, request
from pydantic import BaseModel, ConfigDict, TypeAdapter

from engine.errors import DeskError
from web.api.entity_tags import changed_since, contents_tag, only_version, read_expected_tags, version_tag
from web.api.expansion import PARAMETER, Expansions, expand, read_expand
from web.api.request_parsing import (
    parse_body,
    read_actor,
    read_idempotency_key,
    read_query,
    read_raw_body,
    read_token,
)
from web.api.uploads import UploadedFile, parse_file
from web.errors import PROBLEM_JSON, Problem
from workflows.commands.fields import Command, secret_fields, without_secrets
from workflows.core.actors import NOBODY, Actor
from workflows.core.desk import Desk
from workflows.core.errors import NotFound
from workflows.core.idempotency import Answer, Keyed, find_answer
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.access import require_nameable
from workflows.users.authentication import become_token_owner

BASE = "/api/v1"
PATH_NAME = re.compile(r"{(\w+)}")
EXPECTED = "expected_version"
ONCE_LOCKED = "once_locked"
ID_PATTERN = re.compile(r"^[!-~]{1,64}$", re.ASCII)

Endpoint = Callable[..., Any]
T = TypeVar("T")


class NoQuery(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class NoFields(Command):
    """No fields: `{}` or no body."""


@dataclass(frozen=True, slots=True)
class TextResponse:
    """A response that is not JSON: text, or a file as bytes.

    Parts of its body may be made while it is sent; `close` then ends that.
    """

    body: str | bytes | Iterator[str] | Iterator[bytes]
    content_type: str
    close: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class WithVersion(Generic[T]):
    """A response whose version, sent as the ETag, is not one of its fields."""

    value: T
    version: int


@dataclass(frozen=True, slots=True)
class Accepted(Generic[T]):
    """A response with status 202; its Location header comes from the route's `accepted_at`."""

    value: T


@dataclass(frozen=True)
class Operation:
    """One method of one path, with everything that the OpenAPI document says about it.

    `in_transaction`: the endpoint takes a `Transaction`, not a `Desk` and an `Actor`.
    `reads`: the endpoint writes nothing. `reads_first`: it reads without a lock until it starts to write.
    `conflicts`: it may respond with 409. `may_be_missing`: it may respond with 404, though its path names no
    record. `accepted_at`: the path template of the Location of a 202.
    `expands` are the records that `?expand=` returns in place of their ids.
    `compare_secrets` raises IdempotencyKeyReused if a repeated command has another password than the first.
    """

    method: str
    path: str
    endpoint: Endpoint
    tag: str
    status: int
    body: type[Any] | None
    query: type[BaseModel]
    response_type: Any
    media_type: str
    path_names: tuple[str, ...]
    parameters: frozenset[str]
    in_transaction: bool
    reads: bool
    reads_first: bool
    max_body_bytes: int | None
    conflicts: bool
    may_be_missing: bool
    accepted_type: Any
    accepted_at: str | None
    body_type: Any
    group: "list[Operation]" = field(repr=False, compare=False)
    expands: Expansions | None = None
    compare_secrets: Callable[[Transaction, Any, dict[str, Any]], None] | None = None

    @property
    def name(self) -> str:
        return self.endpoint.__name__

    # Each is made at its first use: making those of all routes would be a sixth of the program's start.

    @cached_property
    def response(self) -> TypeAdapter[Any] | None:
        """What writes the response as JSON, None without such a response."""
        return None if self.response_type in (type(None), TextResponse) else TypeAdapter(self.response_type)

    @cached_property
    def accepted(self) -> TypeAdapter[Any] | None:
        """What writes the response 202, None without one."""
        return None if self.accepted_type is None else TypeAdapter(self.accepted_type)

    @cached_property
    def body_adapter(self) -> TypeAdapter[Any]:
        """What reads a JSON body."""
        return TypeAdapter(self.body_type)

    @property
    def is_single(self) -> bool:
        """Whether the response is one record, read or changed: it has an ETag."""
        return self.method == "PATCH" or (self.method == "GET" and self.path.endswith("}"))

    @property
    def honours_if_match(self) -> bool:
        """Whether the call changes a record only if it is as it was read."""
        return bool({EXPECTED, ONCE_LOCKED} & self.parameters)

    @property
    def takes_file(self) -> bool:
        """Whether the body is a file, not JSON."""
        return "file" in self.parameters

    def run(self, **path: str) -> Response:
        """Handle one call; `path` holds the variable parts of its URL."""
        desk: Desk = current_app.extensions["coverdesk"]
        if self.reads_first and "Idempotency-Key" not in request.headers:
            token = read_token()
            call = partial(self._authenticate_and_call, token, path, self._read())
            return self._respond(desk.perform(NOBODY, call, exclusive=True))
        if self.method == "GET" and self.in_transaction:
            token = read_token()
            with desk.read(NOBODY) as tx:
                rendered = self._authenticate_and_call(token, path, b"", tx)
            return self._respond(rendered)
        actor = read_actor(desk)
        raw = self._read()
        found = self._call(desk, actor, self._parse(path, raw), raw)
        if isinstance(found, Answer) and found.replayed:
            _require_still_nameable(desk, actor, path, found)
        return self._respond(found)

    def _authenticate_and_call(
        self, token: str, path: dict[str, str], raw: bytes, tx: Transaction
    ) -> "_Rendered":
        """Authenticate and call the endpoint in the same transaction: one connection instead of two.

        It may run several times, so the body was read before: the client's stream can be read only once.
        """
        become_token_owner(tx, token)
        expansions = read_expand(self.expands) if self.expands is not None else []
        rendered = self.render(self._act(tx, self._parse(path, raw)))
        if expansions:
            body = json.dumps(expand(tx, json.loads(rendered.body), expansions), ensure_ascii=False)
            rendered = replace(rendered, body=body.encode())
        return rendered

    def _read(self) -> bytes:
        """Return the raw body. Raises: RequestEntityTooLarge."""
        if self.method == "GET":
            return b""
        if self.max_body_bytes is not None:
            request.max_content_length = self.max_body_bytes
        return read_raw_body()

    def _parse(self, path: dict[str, str], raw: bytes) -> dict[str, Any]:
        """Return the arguments of the endpoint, made of the raw body and the rest of the call."""
        if not all(map(ID_PATTERN.match, path.values())):
            raise NotFound("There is nothing at this address.")
        arguments: dict[str, Any] = dict(path)
        query = read_query(self.query, without=PARAMETER if self.expands is not None else None)
        if "query" in self.parameters:
            arguments["query"] = query
        if self.takes_file:
            arguments["file"] = parse_file(raw)
        elif self.method != "GET":
            command = self.body_adapter.validate_python(parse_body(raw))
            if "command" in self.parameters:
                arguments["command"] = command
        if self.honours_if_match:
            arguments[EXPECTED] = read_expected_tags()
        return arguments

    def _call(self, desk: Desk, actor: Actor, arguments: dict[str, Any], raw: bytes) -> "_Rendered | Answer":
        """Call the endpoint in the kind of transaction it needs, at most once per idempotency key."""
        key = read_idempotency_key() if self.method == "POST" else None
        if not self.in_transaction and key is None:
            return self.render(self.endpoint(desk, actor, **arguments))
        if self.reads and key is None:
            with desk.read(actor) as tx:
                return self.render(self.endpoint(tx, **arguments))
        if key is None:
            return desk.perform(actor, lambda tx: self.render(self._act(tx, arguments)))
        command = arguments.get("command")
        if isinstance(command, BaseModel) and secret_fields(type(command)):
            raw = without_secrets(command)
        elif not self.takes_file:
            # another order of the fields is the same body, and none is as good as an empty one
            raw = json.dumps(parse_body(raw), sort_keys=True).encode()
        if isinstance(arguments.get("file"), UploadedFile):
            # not the raw body: a form has another boundary each time
            raw = request.query_string + b"\0" + arguments["file"].data
        keyed = Keyed(str(actor.id), key, f"{self.method} {request.path}", raw)

        def rendered(tx: Transaction, value: Any) -> Answer:
            found = self.render(value)
            return Answer(found.status, found.body.decode())

        if self.in_transaction and not self.reads:
            return desk.answer(
                actor,
                lambda tx: self._act(tx, arguments),
                rendered,
                keyed,
                reads_first=self.reads_first,
                check_repeated=partial(self._check_repeated, command),
            )
        first = find_answer(desk.database, keyed, actor)
        if first is not None:
            # all that these need is a role, and it has not changed
            return first
        try:
            if self.reads:
                with desk.read(actor) as tx:
                    value = self.endpoint(tx, **arguments)
            else:
                value = self.endpoint(desk, actor, **arguments)
        except DeskError:
            # The same call may have completed while this one ran: then return its response.
            first = find_answer(desk.database, keyed, actor)
            if first is None:
                raise
            return first
        return desk.answer(actor, lambda tx: value, rendered, keyed)

    def _act(self, tx: Transaction, arguments: dict[str, Any]) -> Any:
        """Call the endpoint, where If-Match is honoured only if the record has one of the tags.

        The use case compares once the record is locked, so that of two calls with the same tag at the same
        time one is refused. Raises: VersionChanged.
        """
        if not self.honours_if_match:
            return self.endpoint(tx, **arguments)
        rest = dict(arguments)
        tags, version = rest.pop(EXPECTED), None
        if ONCE_LOCKED in self.parameters:
            compare = partial(self._require_tag, tx, arguments, tags) if tags is not None else None
            return self.endpoint(tx, **rest, **{ONCE_LOCKED: compare})
        if tags is not None:
            version = only_version(tags)
            version = self._require_tag(tx, rest, tags) if version is None else version
        return self.endpoint(tx, **rest, **{EXPECTED: version})

    def _require_tag(self, tx: Transaction, arguments: dict[str, Any], tags: list[str]) -> int | None:
        """Return the version of the record, as the GET that reads it has it.

        Raises: VersionChanged if its tag is none of those given.
        """
        single = (
            one for one in self.group if one.method == "GET" and (one.is_single or one.path == self.path)
        )
        reads = max((one for one in single if self.path.startswith(one.path)), key=lambda one: len(one.path))
        path = {name: arguments[name] for name in reads.path_names}
        query = {"query": reads.query()} if "query" in reads.parameters else {}
        found = reads.render(reads.endpoint(tx, **path, **query))
        if found.tag not in tags:
            raise changed_since(found.tag)
        return found.version

    def _check_repeated(self, command: Any, tx: Transaction, first: Answer) -> None:
        """Check that the caller may see the record in a stored response, and sent the same secrets.

        Raises: NotFound, NotAllowed, IdempotencyKeyReused.
        """
        found = json.loads(first.body) if first.body and first.status < 400 else None
        if not isinstance(found, dict) or "id" not in found:
            return
        reads = next((one for one in self.group if one.method == "GET" and one.is_one_of(self.path)), None)
        if reads is not None:
            query = {"query": reads.query()} if "query" in reads.parameters else {}
            reads.endpoint(tx, **{reads.path_names[0]: found["id"]}, **query)
        if self.compare_secrets is not None:
            self.compare_secrets(tx, command, found)

    def is_one_of(self, collection: str) -> bool:
        """Whether this path is that of one record of a collection."""
        return PATH_NAME.sub("{}", self.path) == f"{collection}/{{}}"

    def render(self, value: Any) -> "_Rendered":
        """Return the status and body of the response.

        Called inside the transaction: an error rolls it back, unless a single statement already committed.
        """
        if isinstance(value, Problem):
            return _Rendered(value.status, value.as_json().encode())
        if isinstance(value, Accepted) and self.accepted is not None:
            return _Rendered(202, self.accepted.dump_json(value.value))
        if isinstance(value, TextResponse):
            if isinstance(value.body, str | bytes):
                body = value.body.encode() if isinstance(value.body, str) else value.body
                return _Rendered(self.status, body, content_type=value.content_type)
            parts = (part.encode() if isinstance(part, str) else part for part in value.body)
            return _Rendered(self.status, b"", None, value.content_type, parts, value.close)
        if self.response is None:
            return _Rendered(204, b"")
        version = getattr(value, "version", None)
        if isinstance(value, WithVersion):
            value = value.value
        body, version = self.response.dump_json(value), version if type(version) is int else None
        tag = version_tag(version)
        if tag is None and self.is_single:
            tag = contents_tag(body)
        return _Rendered(self.status, body, version, tag=tag)

    def _respond(self, found: "_Rendered | Answer") -> Response:
        content_type = PROBLEM_JSON if found.status >= 400 else self.media_type
        if isinstance(found, Answer):
            response = Response(found.body, status=found.status, content_type=content_type)
            if found.replayed:
                response.headers["Idempotency-Replayed"] = "true"
            tag = version_tag(_version_in(found.body)) if found.status < 400 else None
        else:
            response = Response(
                found.parts or found.body,
                status=found.status,
                content_type=found.content_type or content_type,
            )
            tag = found.tag
            if found.close is not None:
                response.call_on_close(found.close)
        if found.status == 202 and self.accepted_at is not None:
            response.headers["Location"] = BASE + self.accepted_at.format(**json.loads(found.body))
        if tag is not None:
            response.headers["ETag"] = tag
        if found.status == 204:
            del response.headers["Content-Type"]
        return response


def _require_still_nameable(desk: Desk, actor: Actor, path: dict[str, str], answer: Answer) -> None:
    """Raise NotFound if a stored answer names what the actor may no longer see, as it has moved since."""
    if actor.is_staff:
        return
    values = _values_in(json.loads(answer.body)) if answer.body else []
    with desk.read(actor) as tx:
        require_nameable(tx, {one for one in [*path.values(), *values] if ID_PATTERN.match(one)})


def _values_in(body: Any) -> Iterator[str]:
    """All strings in a JSON value, at any depth, without the names of fields."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, dict | list):
        for one in body.values() if isinstance(body, dict) else body:
            yield from _values_in(one)


@dataclass(frozen=True, slots=True)
class _Rendered:
    status: int
    body: bytes
    version: int | None = None
    content_type: str | None = None
    parts: Iterator[bytes] | None = None
    close: Callable[[], None] | None = None
    tag: str | None = None


@dataclass
class RouteGroup:
    """The routes of one part of the API, under one tag of the OpenAPI document."""

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
        """Register the routes with the application."""
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
        may_be_missing: bool = False,
        body: type[Any] | None = None,
        media_type: str = "application/json",
        max_body_bytes: int | None = None,
        accepted_at: str | None = None,
        expands: Expansions | None = None,
        compare_secrets: Callable[[Transaction, Any, dict[str, Any]], None] | None = None,
    ) -> Callable[[Endpoint], Endpoint]:
        def declare(endpoint: Endpoint) -> Endpoint:
            hints = get_type_hints(endpoint, include_extras=True)
            names = list(inspect.signature(endpoint).parameters)
            response_type, accepted = _response_types(hints["return"])
            body_type = hints.get("command", NoFields)
            operation = Operation(
                method=method,
                path=path,
                endpoint=endpoint,
                tag=self.tag,
                status=204 if response_type is type(None) else status,
                body=None if method == "GET" or "file" in hints else body or body_type,
                query=hints.get("query", NoQuery),
                response_type=response_type,
                media_type=media_type,
                path_names=tuple(PATH_NAME.findall(path)),
                parameters=frozenset(names),
                in_transaction=hints[names[0]] is Transaction,
                reads=reads,
                reads_first=reads_first,
                max_body_bytes=max_body_bytes,
                conflicts=method != "GET" if conflicts is None else conflicts,
                may_be_missing=may_be_missing,
                accepted_type=accepted,
                accepted_at=accepted_at,
                body_type=body_type,
                group=self.operations,
                expands=expands,
                compare_secrets=compare_secrets,
            )
            if method == "PATCH" and not operation.honours_if_match:
                raise TypeError(f"{endpoint.__name__} takes neither {EXPECTED} nor {ONCE_LOCKED}")
            self.operations.append(operation)
            return endpoint

        return declare


def _response_types(returned: Any) -> tuple[Any, Any]:
    """Return the type of the successful response, and of the 202 response or None.

    Problems are left out: they all share one schema.
    """
    choices = get_args(returned) if get_origin(returned) in (Union, UnionType) else (returned,)
    accepted = [get_args(one)[0] for one in choices if get_origin(one) is Accepted]
    (success,) = (one for one in choices if one is not Problem and get_origin(one) is not Accepted)
    success = get_args(success)[0] if get_origin(success) is WithVersion else success
    return success, accepted[0] if accepted else None


def _version_in(body: str) -> int | None:
    found = json.loads(body) if body else None
    version = found.get("version") if isinstance(found, dict) else None
    return version if type(version) is int else None
