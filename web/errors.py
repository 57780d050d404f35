"""Errors mapped once to an HTTP status and a message: problem+json for programs, a page for people.

Source: RFC 9457.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any

import structlog
from flask import Flask, Response, request
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from werkzeug.exceptions import ClientDisconnected, HTTPException

from engine.accounting_periods import PeriodForbids
from engine.datev import DatevForbids
from engine.errors import DeskError
from engine.price_list import PricesOverlap
from engine.rulebook import RuleSetRefused
from web.field_errors import field_errors
from web.languages import gettext
from web.refused_rules import report_refused_rules
from workflows.accounting_exports.use_cases import AccountsNotMapped
from workflows.core import errors as refusals
from workflows.core.desk import HAS_COMMITTED, asks_for_retry, outcome_unknown
from workflows.core.payment_provider import NoticeRefused, ProviderUnavailable
from workflows.languages.engine_texts import translate
from workflows.operations.deployment import is_database_failure, is_disk_full, is_unstorable_value
from workflows.rule_sets.publishing import check_view
from workflows.selling.quote_decisions import QuoteLinkNotValid
from workflows.users.authentication import NotAuthenticated
from workflows.users.login_delays import TooManyAttempts
from workflows.users.password_links import LinkNotValid
from workflows.work.overage_approvals import ApprovalLinkNotValid


class MalformedBody(DeskError):
    """The body is not JSON, or the JSON is ambiguous."""

    code = "malformed-body"


STATUSES: Mapping[type[DeskError], int] = {
    MalformedBody: 400,
    NoticeRefused: 400,
    NotAuthenticated: 401,
    refusals.NotAllowed: 403,
    refusals.NotFound: 404,
    LinkNotValid: 410,
    QuoteLinkNotValid: 410,
    ApprovalLinkNotValid: 410,
    refusals.StateForbids: 409,
    PeriodForbids: 409,
    refusals.Conflict: 409,
    AccountsNotMapped: 409,
    DatevForbids: 409,
    PricesOverlap: 409,
    refusals.VersionChanged: 412,
    TooManyAttempts: 429,
    refusals.NoRuleSet: 503,
    refusals.OutcomeUnknown: 503,
    refusals.Contended: 503,
    refusals.DiskFull: 503,
    ProviderUnavailable: 503,
    DeskError: 422,
}
HTTP_PROBLEMS = {
    400: ("bad-request", "The request could not be understood."),
    404: ("not-found", "There is nothing at this address."),
    405: ("method-not-allowed", "This address does not support this method."),
    413: ("too-large", "The body is too large."),
    415: ("unsupported-media-type", "Send the body as application/json, or a file where the call takes one."),
    429: ("too-many-requests", "Too many calls. Please wait before trying again."),
}
STANDARD_MEMBERS = frozenset({"type", "title", "status", "detail", "errors", "pointer"})
PROBLEM_JSON = "application/problem+json"
PUBLISHING_SUFFIXES = ("/publish", "/approve")
"""Suffixes of the paths that put a rule set in force."""
MACHINE_PREFIXES = ("/api/", "/payment-notices/", "/healthz", "/readyz", "/metrics")
"""Prefixes of the paths that programs call, not people."""

log = structlog.get_logger("coverdesk.web")


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem as RFC 9457 defines it. `code` names the kind; `values` become extra members."""

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
        members |= {name: value for name, value in self.values.items() if name not in STANDARD_MEMBERS}
        return to_json(_written(members), fallback=str, inf_nan_mode="null").decode()

    def response(self) -> Response:
        return Response(self.as_json(), status=self.status, content_type=PROBLEM_JSON)


def _written(value: Any) -> Any:
    """A value whose views are as the API writes them elsewhere, with the names of their fields there."""
    if is_dataclass(value) and not isinstance(value, type):
        return TypeAdapter(type(value)).dump_python(value, mode="json", by_alias=True)
    if isinstance(value, Mapping):
        return {name: _written(one) for name, one in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [_written(one) for one in value]
    return value


def register_errors(app: Flask) -> None:
    """Handle every error of the application here."""
    app.register_error_handler(DeskError, handle_desk_error)
    app.register_error_handler(ValidationError, handle_validation_error)
    app.register_error_handler(HTTPException, handle_http_error)
    app.register_error_handler(Exception, handle_unexpected_error)
    app.before_request(_begin_call)


def problem_kinds() -> dict[str, str]:
    """Return the meaning of each problem code, sorted by code."""
    kinds = dict(HTTP_PROBLEMS.values())
    waiting: list[type[DeskError]] = [DeskError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        kinds[kind.code] = (kind.__doc__ or "").partition("\n")[0]
    del kinds[DeskError.code]
    return dict(sorted(kinds.items()))


def status_of(error: DeskError) -> int:
    """Return the HTTP status of a refusal."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem_of(error: DeskError) -> Problem:
    """Return the problem that describes a refusal of a use case."""
    errors = []
    if isinstance(error.values.get("pointer"), str):
        errors.append({"pointer": str(error.values["pointer"]), "detail": str(error)})
    values = dict(error.values)
    if isinstance(error, RuleSetRefused):
        values["problems"] = check_view(list(error.problems)).problems
    return Problem(status_of(error), error.code, str(error), errors, values)


def problem_of_fields(error: ValidationError) -> Problem:
    """Return the problem that describes invalid fields; its detail is that of the first one."""
    errors = field_errors(error)
    first = errors[0]
    where = first["pointer"] or gettext("The body")
    return Problem(422, "invalid-input", f"{where}: {first['detail']}", errors)


def handle_desk_error(error: DeskError) -> Response:
    translate(error)
    status = status_of(error)
    if isinstance(error, refusals.OutcomeUnknown):
        log.error("the outcome of a commit is unknown", path=request.path, exc_info=error)
    if isinstance(error, RuleSetRefused) and request.path.endswith(PUBLISHING_SUFFIXES):
        report_refused_rules(error, interface="api")
    response = problem_of(error).response() if is_machine_path() else _page(status, error)
    if status == 401 and is_machine_path():
        response.headers["WWW-Authenticate"] = 'Bearer realm="Coverdesk"'
    if isinstance(error, TooManyAttempts):
        response.headers["Retry-After"] = str(error.values["retry_after_seconds"])
    return response


def handle_validation_error(error: ValidationError) -> Response:
    if is_machine_path():
        return problem_of_fields(error).response()
    return _page(422, DeskError(problem_of_fields(error).detail))


def handle_http_error(error: HTTPException) -> Response | HTTPException:
    status = error.code or 500
    if status < 400:
        return error
    if isinstance(error, ClientDisconnected):
        return _handle_body_error()
    if is_machine_path():
        code, detail = HTTP_PROBLEMS.get(status, ("error", error.description or "This cannot be done."))
        if status == 413 and request.max_content_length is not None:
            detail += f" The limit is {request.max_content_length} bytes."
        response = Problem(status, code, detail).response()
    else:
        response = _page(status)
    for name, value in error.get_headers(request.environ):
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def handle_unexpected_error(error: Exception) -> Response:
    """Log an unexpected error under an id, and respond with that id and no other details."""
    if is_unstorable_value(error):
        log.warning("a value cannot be stored", path=request.path, exc_info=error)
        return handle_desk_error(
            refusals.InvalidInput(gettext("The request contains a value that cannot be stored."))
        )
    if _is_body_error(error):
        return _handle_body_error()
    if HAS_COMMITTED.get() and (is_database_failure(error) or asks_for_retry(error)):
        return handle_desk_error(outcome_unknown())
    if asks_for_retry(error):
        log.warning("a transaction was rolled back too often", path=request.path, exc_info=error)
        return _with_retry_after(handle_desk_error(_contended()))
    if is_disk_full(error):
        log.error("the disk of the database is full", path=request.path)
        return _with_retry_after(handle_desk_error(_disk_full()))
    error_id = uuid.uuid4().hex[:12]
    unreachable = is_database_failure(error)
    log.error(
        "the database cannot be reached" if unreachable else "unexpected error",
        error_id=error_id,
        method=request.method,
        path=request.path,
        exc_info=error,
    )
    if not is_machine_path():
        return _page(503 if unreachable else 500)
    if unreachable:
        detail = f"The database cannot be reached. Try again in a moment. Log id: {error_id}."
        return _with_retry_after(
            Problem(503, "unavailable", detail, values={"error_id": error_id}).response()
        )
    detail = f"An unexpected error occurred. Please report it to an administrator. Log id: {error_id}."
    return Problem(500, "failure", detail, values={"error_id": error_id}).response()


def _contended() -> refusals.Contended:
    return refusals.Contended(
        gettext("Others were changing the same records at the same time. Nothing was saved."),
        remedy=gettext("Try again in a moment."),
    )


def _disk_full() -> refusals.DiskFull:
    return refusals.DiskFull(
        gettext("The disk of the database is full. Nothing was saved."),
        remedy=gettext("Ask an administrator to free some space, and try again."),
    )


def _with_retry_after(response: Response) -> Response:
    response.headers["Retry-After"] = "2"
    return response


def is_machine_path() -> bool:
    """Return whether the current request is for a path that programs call."""
    return request.path.startswith(MACHINE_PREFIXES)


def _page(status: int, error: DeskError | None = None) -> Response:
    from web.pages.layout.errors import refusal_page

    return refusal_page(status, error)


def _begin_call() -> None:
    HAS_COMMITTED.set(False)


def _is_body_error(error: Exception) -> bool:
    """Return whether the server found the body truncated or its chunks malformed when it was read."""
    return type(error).__module__.startswith("gunicorn.http.")


def _handle_body_error() -> Response:
    response = handle_desk_error(
        MalformedBody(
            gettext("The body does not match its headers."), remedy=gettext("Send the whole body again.")
        )
    )
    response.headers["Connection"] = "close"
    return response
