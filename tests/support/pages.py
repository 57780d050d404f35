"""A test browser without JavaScript: opens pages, fills in forms and submits them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.support.api import app_of
from tests.support.builders import DeskFixture
from workflows.core.actors import SYSTEM, Actor
from workflows.core.desk import Desk
from workflows.core.secret_texts import new_secret
from workflows.store import tables as t
from workflows.users.sessions import Visit, open_session

NO_TEXT = {"script", "style"}


@dataclass
class Form:
    """A form with the values that a browser would submit; `buttons` are (name, value)."""

    action: str
    method: str
    values: dict[str, Any] = field(default_factory=dict)
    options: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects the forms and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.texts: list[str] = []
        self._form: Form | None = None
        self._select = ""
        self._area: str | None = None
        self._silent = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        at = dict(attributes)
        if tag in NO_TEXT:
            self._silent += 1
        if tag == "form":
            self._form = Form(at.get("action") or "", (at.get("method") or "get").lower())
            self.forms.append(self._form)
        if self._form is None:
            return
        name = at.get("name") or ""
        if tag == "input" and name:
            self._input(self._form, name, at)
        elif tag == "select":
            self._select = name
            self._form.options[name] = []
        elif tag == "option" and self._select:
            value = at.get("value") or ""
            self._form.options[self._select].append(value)
            if "selected" in at or self._select not in self._form.values:
                self._form.values[self._select] = value
        elif tag == "textarea":
            self._area = name
            self._form.values[name] = ""
        elif tag == "button":
            self._form.buttons.append((name, at.get("value") or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in NO_TEXT:
            self._silent -= 1
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea" and self._form is not None and self._area is not None:
            # Browsers ignore a line break directly after the tag.
            text = str(self._form.values[self._area]).replace("\r\n", "\n")
            self._form.values[self._area] = text.removeprefix("\n")
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._area is not None:
            self._form.values[self._area] += data
        if not self._silent:
            self.texts.append(data)

    @staticmethod
    def _input(form: Form, name: str, at: dict[str, str | None]) -> None:
        kind, value = at.get("type") or "text", at.get("value") or ""
        if kind in ("checkbox", "radio"):
            form.options.setdefault(name, []).append(value)
            if "checked" not in at:
                return
            if kind == "checkbox" and name in form.values:
                form.values[name] = [*_as_list(form.values[name]), value]
                return
        form.values[name] = value


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Page:
    """A parsed response."""

    def __init__(self, answer: TestResponse) -> None:
        self.answer = answer
        self.status = answer.status_code
        self.path = answer.request.path
        self.html = answer.get_data(as_text=True)
        reader = _Reader()
        reader.feed(self.html)
        self.forms = reader.forms
        self.text = " ".join(" ".join(reader.texts).split())

    def form(self, ending: str = "") -> Form:
        """The first POST form whose action has this ending ("" is the page itself)."""
        for one in self.forms:
            fits = one.action.split("?")[0].endswith(ending) if ending else not one.action
            if one.method == "post" and fits:
                return one
        raise AssertionError(f"{self.path} has no form for {ending!r}: {[one.action for one in self.forms]}")

    def has_form(self, ending: str) -> bool:
        return any(one.action.split("?")[0].endswith(ending) for one in self.forms)

    def __contains__(self, text: str) -> bool:
        return text in self.text


def new_session(desk: Desk, actor: Actor) -> str:
    """Open a session for a user without a login; returns its secret."""
    secret, user_id = new_secret(), str(actor.id)
    with desk.database.read() as connection:
        query = t.user_account.select().where(t.user_account.c.id == user_id)
        epoch = connection.execute(query).one().session_epoch
    visit = Visit("192.0.2.1", "a test browser")
    desk.perform(SYSTEM, lambda tx: open_session(tx, user_id, epoch=epoch, secret=secret, visit=visit))
    return secret


class Browser:
    """A test browser, logged in as the given actor without a password."""

    def __init__(self, new_desk: DeskFixture, actor: Actor | None = None, app: Flask | None = None) -> None:
        self.app = app or app_of(new_desk)
        self.client = self.app.test_client()
        if actor is not None:
            with self.client.session_transaction() as session:
                session["_user_id"] = new_session(new_desk.desk, actor)
                session["_fresh"] = True

    def open(self, path: str) -> Page:
        return Page(self.client.get(path, follow_redirects=True))

    def send(self, page: Page, ending: str = "", **values: Any) -> Page:
        """Fill in a form of the page and submit it. None omits a value, like an unchecked checkbox."""
        form = page.form(ending)
        filled = {**form.values, **values}
        sent = {name: value for name, value in filled.items() if value is not None}
        return Page(self.client.post(form.action or page.path, data=sent, follow_redirects=True))
