"""Refusals and failures, mapped to a status and words once: problem+json for the API, a page for people.

Source: RFC 9457.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from flask import Flask, Response, g, request
from pydantic import ValidationError
from pydantic_core import to_json
from werkzeug.exceptions import ClientDisconnected, HTTPException

from engine.errors import DeskError
from engine.rulebook import RuleSetRefused
from web.field_errors import field_errors
from web.refused_rules import report_refused_rules
from workflows.core import errors as refusals
from workflows.operations.deployment import is_database_failure, is_unstorable_value
from workflows.rule_sets.publishing import check_view
from workflows.users.authentication import NotAuthenticated, TooManyAttempts


class MalformedBody(DeskError):
    """The body is not JSON, or not JSON that can only be read in one way."""

    code = "malformed-body"


STATUSES: Mapping[type[DeskError], int] = {
    MalformedBody: 400,
    NotAuthenticated: 401,
    refusals.NotAllowed: 403,
    refusals.NotFound: 404,
    refusals.StateForbids: 409,
    refusals.Conflict: 409,
    refusals.VersionChanged: 412,
    TooManyAttempts: 429,
    refusals.NoRuleSet: 503,
    DeskError: 422,
}
HTTP_WORDS = {
    400: ("bad-request", "This could not be understood."),
    404: ("not-found", "There is nothing at this address."),
    405: ("method-not-allowed", "This address does not take this method."),
    413: ("too-large", "The body is larger than this address takes."),
    415: ("unsupported-media-type", "Send the body as application/json."),
    429: ("too-many-requests", "Too many calls. Wait a little."),
}
MEMBERS = frozenset({"type", "title", "status", "detail", "errors", "pointer"})
MOST_DRAINED_BYTES = 64 * 1024 * 1024
SECONDS_OF_SILENCE = 20
PROBLEM_JSON = "application/problem+json"
TAKING_FORCE = ("/publish", "/approve")
"""How addresses end at which a rule set is to take force."""
FOR_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics")

log = structlog.get_logger("coverdesk.web")


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong. `code` names the kind; `values` become members of the answer."""

    status: int
    code: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    values: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        members: dict[str, Any] = {
            "type": f"/api/docs#{self.code}",
            "title": self.code.replace("-", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            members["errors"] = self.errors
        members |= {name: value for name, value in self.values.items() if name not in MEMBERS}
        return to_json(members, fallback=str, inf_nan_mode="null").decode()

    def response(self) -> Response:
        return Response(self.as_json(), status=self.status, content_type=PROBLEM_JSON)


def register_errors(app: Flask) -> None:
    """Every refusal and failure of the application goes through here."""
    app.register_error_handler(DeskError, answer_desk_error)
    app.register_error_handler(ValidationError, answer_validation_error)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(Exception, answer_failure)
    app.before_request(_wait_no_longer)
    app.after_request(_hear_out)


def kinds_of_problems() -> dict[str, str]:
    """Each name that a problem's type may end with, and what it means."""
    kinds = dict(HTTP_WORDS.values())
    waiting: list[type[DeskError]] = [DeskError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        kinds[kind.code] = (kind.__doc__ or "").partition("\n")[0]
    del kinds[DeskError.code]
    return dict(sorted(kinds.items()))


def status_of(error: DeskError) -> int:
    """The status of a refusal."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem_of(error: DeskError) -> Problem:
    """A refusal of a use case as a problem."""
    errors = []
    if isinstance(error.values.get("pointer"), str):
        errors.append({"pointer": str(error.values["pointer"]), "detail": str(error)})
    values = dict(error.values)
    if isinstance(error, RuleSetRefused):
        values["problems"] = check_view(list(error.problems)).problems
    return Problem(status_of(error), error.code, str(error), errors, values)


def problem_of_fields(error: ValidationError) -> Problem:
    """Fields that do not fit as a problem."""
    errors = field_errors(error)
    first = errors[0]
    where = first["pointer"] or "The body"
    return Problem(422, "invalid-input", f"{where}: {first['detail']}", errors)


def answer_desk_error(error: DeskError) -> Response:
    status = status_of(error)
    if isinstance(error, RuleSetRefused) and request.path.endswith(TAKING_FORCE):
        report_refused_rules(error, door="api")
    response = problem_of(error).response() if for_programs() else _page(status, error)
    if status == 401 and for_programs():
        response.headers["WWW-Authenticate"] = 'Bearer realm="Coverdesk"'
    if isinstance(error, TooManyAttempts):
        response.headers["Retry-After"] = str(error.values["retry_after_seconds"])
    return response


def answer_validation_error(error: ValidationError) -> Response:
    if for_programs():
        return problem_of_fields(error).response()
    return _page(422, DeskError(problem_of_fields(error).detail))


def answer_http_error(error: HTTPException) -> Response | HTTPException:
    status = error.code or 500
    if status < 400:
        return error
    if isinstance(error, ClientDisconnected):
        return _answer_broken_line()
    if for_programs():
        code, words = HTTP_WORDS.get(status, ("error", error.description or "This cannot be done."))
        if status == 413 and request.max_content_length is not None:
            words += f" It takes {request.max_content_length} bytes at most."
        response = Problem(status, code, words).response()
    else:
        response = _page(status)
    for name, value in error.get_headers(request.environ):
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def answer_failure(error: Exception) -> Response:
    """Anything unforeseen: logged under an id that the answer names, and nothing else is told."""
    if is_unstorable_value(error):
        log.warning("a value that cannot be stored", path=request.path, exc_info=error)
        return answer_desk_error(refusals.InvalidInput("Something in what was sent cannot be stored."))
    if _breaks_off(error):
        return _answer_broken_line()
    error_id = uuid.uuid4().hex[:12]
    unreachable = is_database_failure(error)
    log.error(
        "the database fails" if unreachable else "unforeseen failure",
        error_id=error_id,
        method=request.method,
        path=request.path,
        exc_info=error,
    )
    if not for_programs():
        return _page(503 if unreachable else 500)
    if unreachable:
        detail = f"The database cannot be reached. Try again in a moment. In the log as {error_id}."
        response = Problem(503, "unavailable", detail, values={"error_id": error_id}).response()
        response.headers["Retry-After"] = "2"
        return response
    detail = f"Something went wrong that was not foreseen. Tell an administrator: in the log as {error_id}."
    return Problem(500, "failure", detail, values={"error_id": error_id}).response()


def for_programs() -> bool:
    """Whether the call came to an address for programs."""
    return request.path.startswith(FOR_PROGRAMS)


def _page(status: int, error: DeskError | None = None) -> Response:
    from web.pages.layout.errors import refusal_page

    return refusal_page(status, error)


def _wait_no_longer() -> None:
    """A client that falls silent in the middle of its body would keep a thread for ever."""
    line = request.environ.get("gunicorn.socket")
    if line is not None:
        line.settimeout(SECONDS_OF_SILENCE)


def _breaks_off(error: Exception) -> bool:
    """Whether it is the client's line that fails: cut, silent, or not chunked as it says."""
    of_the_server = type(error).__module__.startswith("gunicorn.http.")
    return of_the_server or isinstance(error, TimeoutError | ConnectionError)


def _answer_broken_line() -> Response:
    g.line_fails = True
    refused = MalformedBody("The body does not come as its headers say.", remedy="Send it again, whole.")
    return answer_desk_error(refused)


def _hear_out(response: Response) -> Response:
    """Read on what a refusal left unread: who is still sending would see no answer at all."""
    if response.status_code < 400 or request.method in ("GET", "HEAD"):
        return response
    if g.get("line_fails"):
        response.headers["Connection"] = "close"
        return response
    try:
        _drain()
    except Exception as error:
        if not _breaks_off(error) and not isinstance(error, HTTPException):
            raise
        # it broke off, or never comes; the answer is the same
        response.headers["Connection"] = "close"
    return response


def _drain() -> None:
    if "wsgi.input_terminated" not in request.environ and "stream" in request.__dict__:
        return  # it was read, and a server that does not end it (that of the tests) would wait for more
    stream, left = request.environ["wsgi.input"], MOST_DRAINED_BYTES
    length = request.content_length
    if length is not None:
        left = min(left, length)
    while left > 0:
        chunk = stream.read(min(left, 65536))
        if not chunk:
            return
        left -= len(chunk)
