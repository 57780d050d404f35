"""Forms: what was typed becomes a command, and each refusal finds its way back to the field it speaks of.

A form keeps what was typed, whatever became of it. Commands are built as the API builds them, from the
filled-in fields alone, so that every door gives the same words.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

from flask import request
from flask_wtf import FlaskForm
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from wtforms import Field, HiddenField, TextAreaField
from wtforms.fields.core import UnboundField

from engine.errors import DeskError
from web.field_errors import message_of
from web.pages.context import actor, desk
from web.pages.forms.pickers import RecordField
from workflows.commands.fields import without_secrets
from workflows.core.errors import IdempotencyKeyReused, NoRuleSet, NotAllowed, NotFound, OutcomeUnknown
from workflows.core.idempotency import Answer, Keyed
from workflows.core.transaction import Transaction

_CODE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
C = TypeVar("C", bound=BaseModel)
T = TypeVar("T")


def _with_plain_line_ends(text: Any) -> Any:
    return text.replace("\r\n", "\n") if isinstance(text, str) else text


class DeskForm(FlaskForm):
    """A form of the desk. `places` tells which field a refusal's pointer means, where the names differ."""

    places: ClassVar[Mapping[str, str]] = {}
    form_errors: list[str]

    class Meta(FlaskForm.Meta):
        def bind_field(self, form: Any, unbound_field: "UnboundField[Any]", options: dict[str, Any]) -> Field:
            """Browsers send CR LF where a text area has a new line: what was not changed stays the same."""
            if issubclass(unbound_field.field_class, TextAreaField):
                filters = (*unbound_field.kwargs.get("filters", ()), _with_plain_line_ends)
                options = {**options, "filters": filters}
            field: Field = unbound_field.bind(form=form, **options)
            return field

    def command(self, kind: type[C], values: Mapping[str, Any]) -> C | None:
        """The command that the values make; None where some cannot be taken, and their fields say why.

        Values that are None or empty text count as left out, except those wrapped in `Given`.
        """
        body = {
            name: value.value if isinstance(value, Given) else value
            for name, value in values.items()
            if isinstance(value, Given) or value not in (None, "", [])
        }
        try:
            return kind.model_validate_json(json.dumps(body))
        except ValidationError as error:
            self.refuse_all(error)
            return None

    def refuse_all(self, error: ValidationError) -> None:
        """Say each thing that is wrong beside its field."""
        for wrong in error.errors(include_url=False):
            pointer = "/" + "/".join(str(part) for part in wrong["loc"])
            self.refuse(pointer if wrong["loc"] else "", _words(wrong))

    def refuse(self, pointer: str, words: str) -> None:
        """Say what is wrong beside the field that the pointer means, or above the form."""
        field = self._field_at(pointer)
        words = _CODE.sub(self._label, words)
        if field is None:
            self.form_errors = [*self.form_errors, words]
        elif words not in field.errors:
            field.errors = [*field.errors, words]

    @property
    def asks(self) -> bool:
        """The form was sent to search for a record, not to be done yet."""
        searching = request.form.get("step") == "find"
        return searching or any(field.is_asking for field in self._pickers())

    def look_up(self, tx: Transaction) -> None:
        """Let each picker of the form fill in what it offers."""
        for field in self._pickers():
            field.look_up(tx)

    @property
    def is_wrong(self) -> bool:
        return bool(self.form_errors) or any(field.errors for field in self)

    def _pickers(self) -> list[RecordField]:
        return [field for field in self if isinstance(field, RecordField)]

    def _label(self, code: re.Match[str]) -> str:
        """The label of the field that a code in a refusal's words means; the code itself where none does."""
        for name, field in self._fields.items():
            if name == code[0] or name.endswith(f"_{code[0]}"):
                return f"“{field.label.text}”"
        return code[0]

    def _field_at(self, pointer: str) -> Field | None:
        parts = [part for part in pointer.split("/") if part]
        for length in range(len(parts), 0, -1):
            name = self.places.get("/" + "/".join(parts[:length]))
            if name is not None and name in self._fields:
                found: Field = self[name]
                return found
        named = "_".join(parts)
        for name in (named, parts[0] if parts else ""):
            if name in self._fields and not isinstance(self._fields[name], HiddenField):
                field: Field = self[name]
                return field
        return None


class EditingForm(DeskForm):
    """A form of a record that others change, too. `seen` has the record as it was when the form was drawn."""

    seen = HiddenField()

    def changes(self, kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Only what this person changed: what is not touched stays as others left it meanwhile.

        Where two changed one field to different things, the second is told, and may save again.
        """
        drawn = {**kept, **self._drawn()}
        touched = [name for name, value in wanted.items() if value != drawn[name]]
        for name in touched:
            if kept[name] not in (drawn[name], wanted[name]):
                self.refuse(f"/{name}", "Somebody else changed this meanwhile. Save again to keep yours.")
                drawn[name] = kept[name]
        self.seen.data = json.dumps(drawn)
        return {name: Given(wanted[name]) for name in touched if wanted[name] != kept[name]}

    def _drawn(self) -> dict[str, Any]:
        """The record as the form had it; what cannot be read counts as what is kept now."""
        try:
            drawn = json.loads(self.seen.data or "{}")
        except ValueError:
            return {}
        return drawn if isinstance(drawn, dict) else {}


class KeyedForm(DeskForm):
    """A form whose command happens once, however often it is sent: its key is minted when it is drawn."""

    key = HiddenField(default=lambda: uuid4().hex)


class ActionForm(DeskForm):
    """A single button: nothing but the token that says the page is ours."""


class Given:
    """A value that is meant although it is empty: null, "" or an empty list."""

    def __init__(self, value: Any) -> None:
        self.value = value


def attempt(form: DeskForm, use_case: Callable[[Transaction], T], *, reads_first: bool = False) -> T | None:
    """Run a use case for a form; None where it refused, and the form says why.

    `reads_first` is for one that reads for long before it writes.

    Refusals that are not about what was typed (not there, not allowed, no rules) go on to the error pages.
    """
    try:
        return desk().perform(actor(), use_case, reads_first=reads_first)
    except DeskError as error:
        add_refusal(form, error)
        return None


def succeeds(form: DeskForm, use_case: Callable[[Transaction], object]) -> bool:
    """The same for a use case that answers nothing."""
    return attempt(form, lambda tx: (use_case(tx), True)) is not None


def attempt_once(form: KeyedForm, use_case: Callable[[Transaction], str], command: BaseModel) -> str | None:
    """The same for a command that must not happen twice; sent again, it answers what was made first."""
    user = actor().id
    keyed = None
    if user is not None and form.key.data:
        body = without_secrets(command)
        keyed = Keyed(user, str(form.key.data)[:64], f"PAGE {request.path}", body)
    try:
        answer = desk().answer(actor(), use_case, lambda tx, made: Answer(200, made), keyed)
    except DeskError as error:
        add_refusal(form, error)
        return None
    return answer.body


def add_refusal(form: DeskForm, error: DeskError) -> None:
    """Say a refusal in the form; one that is not about what was typed is raised for the error pages."""
    if isinstance(error, NotFound | NotAllowed | NoRuleSet | OutcomeUnknown):
        raise error
    if isinstance(error, IdempotencyKeyReused):
        form.refuse("", "This form was sent before, with other values; load the page again for a new one.")
        return
    form.refuse(str(error.values.get("pointer", "")), str(error))


def _words(wrong: ErrorDetails) -> str:
    """Pydantic's message as a sentence for people."""
    least = wrong.get("ctx", {}).get("min_length", 1)
    if wrong["type"] == "missing" or (wrong["type"] == "string_too_short" and least == 1):
        return "Fill this in."
    if wrong["type"] == "string_too_short":
        return f"At least {least} characters are needed."
    if wrong["type"] == "string_too_long":
        return f"At most {wrong['ctx']['max_length']} characters fit here."
    return message_of(wrong)
