"""Base classes for forms: build a command from the submitted values and show errors at their fields.

A form always keeps the typed values. Commands are built the same way as in the API, from the non-empty fields
only, so pages and API report the same errors.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

from flask import request
from flask_wtf import FlaskForm
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from wtforms import Field, HiddenField, TextAreaField
from wtforms.fields.core import UnboundField

from engine.errors import DeskError
from web.field_errors import message_of, pointer_of
from web.languages import gettext, ngettext
from web.pages.context import actor, desk, settings
from web.pages.forms.pickers import RecordField
from web.pages.wording.formats import money_text, span_words
from workflows.commands.fields import without_secrets
from workflows.core.errors import IdempotencyKeyReused, NoRuleSet, NotAllowed, NotFound, OutcomeUnknown
from workflows.core.idempotency import Answer, Keyed
from workflows.core.transaction import Transaction

LONGEST_KEY = 255
_CODE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
C = TypeVar("C", bound=BaseModel)
T = TypeVar("T")


def _with_plain_line_ends(text: Any) -> Any:
    return text.replace("\r\n", "\n") if isinstance(text, str) else text


class DeskForm(FlaskForm):
    """Base form. `pointer_fields` maps JSON pointers to field names where they differ."""

    pointer_fields: ClassVar[Mapping[str, str]] = {}
    form_errors: list[str]

    class Meta(FlaskForm.Meta):
        def bind_field(self, form: Any, unbound_field: "UnboundField[Any]", options: dict[str, Any]) -> Field:
            """Convert CR LF line endings, which browsers submit, so that unchanged text compares equal."""
            if issubclass(unbound_field.field_class, TextAreaField):
                filters = (*unbound_field.kwargs.get("filters", ()), _with_plain_line_ends)
                options = {**options, "filters": filters}
            field: Field = unbound_field.bind(form=form, **options)
            return field

    def command(self, kind: type[C], values: Mapping[str, Any]) -> C | None:
        """Build a command from the values; returns None and adds errors to the fields if they are invalid.

        None and empty values are omitted, except those wrapped in `Explicit`.
        """
        body = {
            name: value.value if isinstance(value, Explicit) else value
            for name, value in values.items()
            if isinstance(value, Explicit) or value not in (None, "", [])
        }
        try:
            return kind.model_validate_json(json.dumps(body))
        except ValidationError as error:
            self.add_validation_errors(error)
            return None

    def checked_command(self, kind: type[C], values: Mapping[str, Any]) -> C | None:
        """Validate the form and build a command, as `command` does; all errors are added at once.

        The command is built even if the form is not valid, because it may refuse other fields.
        """
        is_valid = self.validate()
        command = self.command(kind, values)
        return command if is_valid else None

    def add_validation_errors(self, error: ValidationError) -> None:
        """Add each validation error to its field, unless that has an error already: it could not be read."""
        unreadable = {name for name, field in self._fields.items() if field.errors}
        for wrong in error.errors(include_url=False):
            pointer = pointer_of(wrong)
            field = self._field_at(pointer)
            if field is not None and field.short_name in unreadable:
                continue
            if field is not None or not unreadable:
                self.add_error(pointer, _message(wrong, field))

    def add_error(self, pointer: str, message: str) -> None:
        """Add an error to the field that the JSON pointer refers to, or to the form if there is none."""
        field = self._field_at(pointer)
        message = _CODE.sub(self._label, message)
        if field is None:
            self.form_errors = [*self.form_errors, message]
        elif message not in field.errors:
            field.errors = [*field.errors, message]

    @property
    def is_searching(self) -> bool:
        """Whether the form was submitted to search for a record, rather than to be processed."""
        searching = request.form.get("step") == "find"
        return searching or any(field.has_new_query for field in self._pickers())

    def load_options(self, tx: Transaction) -> None:
        """Load the options of each record picker."""
        for field in self._pickers():
            field.load_options(tx)

    @property
    def has_errors(self) -> bool:
        return bool(self.form_errors) or any(field.errors for field in self)

    def _pickers(self) -> list[RecordField]:
        return [field for field in self if isinstance(field, RecordField)]

    def _label(self, code: re.Match[str]) -> str:
        """The label of the field that a code in a message refers to, else the code itself."""
        for name, field in self._fields.items():
            if name == code[0] or name.endswith(f"_{code[0]}"):
                return gettext("“%(text)s”", text=field.label.text)
        return code[0]

    def _field_at(self, pointer: str) -> Field | None:
        parts = [part for part in pointer.split("/") if part]
        for length in range(len(parts), 0, -1):
            name = self.pointer_fields.get("/" + "/".join(parts[:length]))
            if name is not None and name in self._fields:
                found: Field = self[name]
                return found
        named = "_".join(parts)
        for name in (named, parts[0] if parts else ""):
            if name in self._fields and not isinstance(self._fields[name], HiddenField):
                field: Field = self[name]
                return field
        return None


class KeyedForm(DeskForm):
    """A form whose command is executed once, even if submitted twice, by its idempotency key."""

    key = HiddenField(default=lambda: uuid4().hex)


class FileOrTextForm(KeyedForm):
    """A text file that is uploaded in the field `upload`, or its content pasted into the field `file`."""

    @cached_property
    def text(self) -> str:
        """The content of the file; bytes that are not UTF-8 are replaced."""
        sent = self["upload"].data
        content: str = sent.read().decode("utf-8", "replace") if sent else ""
        return content or self["file"].data or ""

    def add_error(self, pointer: str, message: str) -> None:
        """Add what is wrong with the file to the field that it came from."""
        is_uploaded = pointer.split("/")[1:2] == ["file"] and self["upload"].data
        super().add_error("/upload" if is_uploaded else pointer, message)


class EditingForm(KeyedForm):
    """A form for a record that others may edit too. `seen` holds the record as it was rendered."""

    seen = HiddenField()

    def changes(self, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return only the fields this user changed, so that changes by others are preserved.

        If someone else changed the same field to a different value, an error asks the user to save again.
        """
        # a browser sends other line ends than an API client may have stored
        stored = {name: _with_plain_line_ends(value) for name, value in stored.items()}
        original = {name: _with_plain_line_ends(value) for name, value in (stored | self._original()).items()}
        edited = [name for name, value in wanted.items() if value != original[name]]
        for name in edited:
            if stored[name] not in (original[name], wanted[name]):
                self.add_error(
                    f"/{name}", gettext("Someone else has changed this. Save again to keep your version.")
                )
                original[name] = stored[name]
        self.seen.data = json.dumps(original)
        return {name: Explicit(wanted[name]) for name in edited if wanted[name] != stored[name]}

    def _original(self) -> dict[str, Any]:
        """The record as the form was rendered; empty if it cannot be read."""
        try:
            original = json.loads(self.seen.data or "{}")
        except ValueError:
            return {}
        return original if isinstance(original, dict) else {}


class ActionForm(KeyedForm):
    """A form with a single button: it contains only the CSRF token and the key."""


class Explicit:
    """A value to be sent even if it is empty: null, "" or an empty list."""

    def __init__(self, value: Any) -> None:
        self.value = value


def attempt(form: DeskForm, use_case: Callable[[Transaction], T], *, reads_first: bool = False) -> T | None:
    """Run a use case for a form; returns None and adds the error to the form if it is refused.

    `reads_first` is for use cases that read for a long time before they write.

    Raises: NotFound, NotAllowed, NoRuleSet, which are shown as error pages.
    """
    try:
        return desk().perform(actor(), use_case, reads_first=reads_first)
    except DeskError as error:
        add_desk_error(form, error)
        return None


def succeeds(form: DeskForm, use_case: Callable[[Transaction], object]) -> bool:
    """Run a use case that returns nothing, as in `attempt`; returns whether it succeeded."""
    return attempt(form, lambda tx: (use_case(tx), True)) is not None


def attempt_once(
    form: KeyedForm,
    use_case: Callable[[Transaction], str],
    command: BaseModel | None = None,
    *,
    reads_first: bool = False,
) -> str | None:
    """Like `attempt`, but once per idempotency key: a repeated submit returns the first result."""
    try:
        return perform_once(form, use_case, command, reads_first=reads_first)
    except DeskError as error:
        add_desk_error(form, error)
        return None


def succeeds_once(form: KeyedForm, use_case: Callable[[Transaction], object]) -> bool:
    """Run a use case that returns nothing, as in `attempt_once`; returns whether it succeeded."""

    def done(tx: Transaction) -> str:
        use_case(tx)
        return "done"

    return attempt_once(form, done) is not None


def perform_once(
    form: KeyedForm,
    use_case: Callable[[Transaction], str],
    command: BaseModel | None = None,
    *,
    reads_first: bool = False,
) -> str:
    """Run a use case once per idempotency key of the form: a repeated submit returns the first result.

    Without a `command` the submitted fields are what a repeated submit must have again.

    Raises: IdempotencyKeyReused if it was submitted with another command; as `Desk.answer`.
    """
    user = actor().id
    keyed = None
    if user is not None and form.key.data:
        body = without_secrets(command) if command is not None else _submitted_fields()
        # the forms that a page has for several records have the same key
        key = f"{str(form.key.data)[:64]} {request.path}"[:LONGEST_KEY]
        keyed = Keyed(user, key, f"PAGE {request.path}", body)
    answer = desk().answer(
        actor(), use_case, lambda tx, made: Answer(200, made), keyed, reads_first=reads_first
    )
    return answer.body


def _submitted_fields() -> bytes:
    """The fields of the submitted form, without its CSRF token."""
    fields = request.form.lists()
    return json.dumps([one for one in fields if not one[0].endswith("csrf_token")]).encode()


def add_desk_error(form: DeskForm, error: DeskError) -> None:
    """Add an error to the form.

    Raises: NotFound, NotAllowed, NoRuleSet, OutcomeUnknown, which are not about the typed values.
    """
    if isinstance(error, NotFound | NotAllowed | NoRuleSet | OutcomeUnknown):
        raise error
    if isinstance(error, IdempotencyKeyReused):
        form.add_error(
            "", gettext("This form has already been submitted with other values. Please reload the page.")
        )
        return
    form.add_error(str(error.values.get("pointer", "")), str(error))


def _message(wrong: ErrorDetails, field: Field | None) -> str:
    """A Pydantic error as a sentence for users; a limit of hours or of money is named with its unit."""
    limit = next((wrong["ctx"][name] for name in ("ge", "le") if name in wrong.get("ctx", {})), None)
    counts_minutes = hasattr(field, "counts_minutes")
    is_money = hasattr(field, "is_money") or pointer_of(wrong).endswith("_minor")
    if limit is not None and (counts_minutes or is_money):
        words = span_words(limit, "minute") if counts_minutes else money_text(limit, settings().currency)
        if "ge" in wrong["ctx"]:
            return gettext("It must be at least %(limit)s.", limit=words)
        return gettext("It must be at most %(limit)s.", limit=words)
    least = wrong.get("ctx", {}).get("min_length", 1)
    if wrong["type"] == "missing" or (wrong["type"] == "string_too_short" and least == 1):
        return gettext("This field is required.")
    if wrong["type"] == "string_too_short":
        return ngettext("Enter at least %(num)s character.", "Enter at least %(num)s characters.", least)
    if wrong["type"] == "string_too_long":
        most = wrong["ctx"]["max_length"]
        return ngettext("Enter at most %(num)s character.", "Enter at most %(num)s characters.", most)
    return message_of(wrong)
