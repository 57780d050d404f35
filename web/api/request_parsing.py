"""Parsing a call: its token, headers, query and body. Every error is reported before anything is done."""

import json
import re
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from web.errors import MalformedBody
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.errors import invalid
from workflows.users.authentication import NotAuthenticated, authenticate_token

M = TypeVar("M", bound=BaseModel)

IDEMPOTENCY_KEY = re.compile(r"^[!-~ ]{1,255}$", re.ASCII)
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_actor(desk: Desk) -> Actor:
    """Return the actor whose bearer token was sent.

    Raises: NotAuthenticated if the token is missing, unknown, expired or revoked, or its user is disabled.
    """
    return authenticate_token(desk, read_token())


def read_token() -> str:
    """Return the bearer token. Raises: NotAuthenticated if there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated(
            "This call needs a token.", remedy="Send the header 'Authorization: Bearer TOKEN'."
        )
    return token.strip()


def read_raw_body() -> bytes:
    """Return the body. It can be read only once, so read it before anything that may run again.

    Raises: RequestEntityTooLarge.
    """
    raw = request.get_data(cache=False)
    most = request.max_content_length
    if most is not None and request.content_length is None and len(raw) >= most:
        # A chunked body declares no length, and the server truncates it at the limit without an error.
        raise RequestEntityTooLarge
    return raw


def parse_body(raw: bytes) -> Any:
    """Return the body as a JSON value; an empty body is an empty object.

    Raises: MalformedBody if it is not valid JSON in UTF-8; UnsupportedMediaType if it is not declared as
    application/json.
    """
    if not raw:
        return {}
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        text = raw.decode("utf-8")
        body = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
        if SURROGATE.search(text):
            json.dumps(body, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.", remedy="Send JSON in UTF-8.") from None
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        raise MalformedBody(
            f"The body contains the unpaired surrogate {half}.",
            remedy="Send both surrogates of the pair, or the character itself in UTF-8.",
        ) from None
    except RecursionError:
        raise MalformedBody("The body is nested too deeply.", remedy="Send fewer levels.") from None
    except ValueError as error:
        detail = f"The body is not JSON: {_reason(error)}."
        raise MalformedBody(detail, remedy="Send a JSON object.") from None
    return body


def read_query(model: type[M], *, without: str | None = None) -> M:
    """Return the validated query parameters, `without` one that is read elsewhere.

    Raises: InvalidInput if a parameter is given twice; pydantic.ValidationError.
    """
    values: dict[str, str] = {}
    for name, given in request.args.lists():
        if name == without:
            continue
        if len(given) > 1:
            raise invalid(f"/{name}", f"The parameter {name!r} is given {len(given)} times.", "Give it once.")
        values[name] = given[0]
    return model.model_validate(values)


def read_idempotency_key() -> str | None:
    """Return the idempotency key, or None if none was sent.

    Raises: InvalidInput if it is not 1 to 255 printable ASCII characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not IDEMPOTENCY_KEY.match(key):
        raise invalid(
            "/Idempotency-Key", "An Idempotency-Key has 1 to 255 printable ASCII characters.", "Send a UUID."
        )
    return key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"the field {_first_repeated(pairs)[:60]!r} is given twice")
    return found


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            break
        seen.add(name)
    return name


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower()} at line {error.lineno}, column {error.colno}"
    if "integer string conversion" in str(error):
        return "a number has too many digits"
    return str(error)
