"""Drafts in the rule editor: the posted files, their review, and changes to them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flask import request

from engine.rulebook import is_rule_file
from web.languages import gettext
from workflows.core.errors import NoRuleSet, NotFound, invalid
from workflows.core.transaction import Transaction
from workflows.rule_sets.merge import merge_rule_files
from workflows.rule_sets.publishing import (
    check_rules,
    diff_view,
    files_of,
    list_publications,
    rule_set_in_force,
)
from workflows.views.rules import CheckView, DiffView, FileChange, ProblemView, PublicationView, RuleSetView

FILE_FIELD = "file:"
MAX_FILES = 300
MAX_BYTES = 16 * 1024 * 1024
MAX_PUBLICATIONS = 5
MAX_EXCERPT_LENGTH = 80
VERSION = re.compile(r"[0-9a-f]{64}")
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
KEY_IN_TEXT = re.compile(r'("key"\s*:\s*)"(?:[^"\\]|\\.)*"')
LABEL_IN_TEXT = re.compile(r'("label"\s*:\s*)"(?:[^"\\]|\\.)*"')
PREFIX_IN_TEXT = re.compile(r'("number_prefix"\s*:\s*)"([^"\\]*)"')
LINE_END = re.compile(r"\r\n|\r|\n")
TYPES, VARIANTS, CARDS, COVERAGE = "contract_types/", "variants/", "rate_cards/", "coverage.json"
SINGLE_FILES = {
    "calendars.json": "calendars",
    "charging.json": "charging",
    "invoice_checks.json": "invoice_checks",
    "slas.json": "slas",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """The rule set being edited, and the version it is based on ("" for none)."""

    files: dict[str, str]
    based_on: str
    merge_messages: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PublishedSince:
    """What was published since the draft was started, with the differences."""

    current: RuleSetView
    publications: list[PublicationView]
    diff: DiffView


@dataclass(frozen=True, slots=True)
class File:
    """A file of the draft in the file list."""

    path: str
    folder: str
    name: str
    change: FileChange | None
    errors: int
    warnings: int


@dataclass(frozen=True, slots=True)
class DraftReview:
    """The result of reviewing a draft: problems, differences and newer publications."""

    current: RuleSetView | None
    check: CheckView
    diff: DiffView
    published_since: PublishedSince | None
    files: list[File]
    removed: list[str]
    lines: dict[tuple[str, int], str]
    """The text of each line with a problem, since text areas have no line numbers."""


def current_rule_set(tx: Transaction) -> RuleSetView | None:
    """The rule set in force, or None."""
    try:
        return rule_set_in_force(tx)
    except NoRuleSet:
        return None


def read_draft(tx: Transaction) -> Draft:
    """The posted files; unchanged ones are byte-identical to the stored ones. Raises: InvalidInput."""
    named = {
        name.removeprefix(FILE_FIELD): text
        for name, text in request.form.items()
        if name.startswith(FILE_FIELD)
    }
    posted = {path: text for path, text in named.items() if is_rule_file(path)}
    if len(posted) > MAX_FILES:
        raise invalid("/files", gettext("A rule set can have at most %(number)s files.", number=MAX_FILES))
    based_on = request.form.get("editor_based_on", "")
    if not VERSION.fullmatch(based_on):
        based_on = ""
    base = files_at(tx, based_on)
    return Draft({path: _with_line_ends_of(text, base.get(path)) for path, text in posted.items()}, based_on)


def files_at(tx: Transaction, version: str) -> dict[str, str]:
    """The files of a version; empty if it does not exist."""
    if not version:
        return {}
    try:
        return files_of(tx, version)
    except NotFound:
        return {}


def review_draft(tx: Transaction, draft: Draft) -> DraftReview:
    """Check a draft, compare it with the set in force, and find newer publications."""
    current = current_rule_set(tx)
    check = check_rules(tx, draft.files)
    old = current.files if current else {}
    diff = diff_view(current.version if current else None, old, "", draft.files)
    changes = {one.path: one.change for one in diff.files}
    return DraftReview(
        current=current,
        check=check,
        diff=diff,
        published_since=_published_since(tx, draft, current),
        files=[_file(path, changes.get(path), check.problems) for path in sorted(draft.files, key=_sort_key)],
        removed=[path for path, change in changes.items() if change == "removed"],
        lines=_lines(draft.files, check.problems),
    )


# ------------------------------------------------------------------ changes to a draft


def add_file(draft: Draft, name: str, like: str) -> tuple[Draft, str]:
    """Add a file as a copy of another; returns the draft and the new path. Raises: InvalidInput."""
    if like in SINGLE_FILES:
        path, text = like, f'{{\n  "$schema": "schema/{SINGLE_FILES[like]}.schema.json"\n}}\n'
    elif like not in draft.files or not (like == COVERAGE or like.startswith((TYPES, VARIANTS, CARDS))):
        raise invalid("/like", gettext("Select a file to copy."))
    else:
        key = name.strip().removesuffix(".json")
        if not KEY.fullmatch(key):
            wrong = gettext("This is not a valid file name.") if key else gettext("Enter a file name.")
            form = gettext("Use up to 40 lowercase letters, digits and underscores, for example gold_hours.")
            raise invalid("/name", wrong, form)
        folder = next((one for one in (TYPES, CARDS) if like.startswith(one)), VARIANTS)
        path, text = f"{folder}{key}.json", draft.files[like]
        if like == COVERAGE:
            text = text.replace('"schema/coverage.schema.json"', '"../schema/coverage.schema.json"')
        elif like.startswith(TYPES):
            text = _as_type(text, key, draft.files)
        elif like.startswith(CARDS):
            text = _with_label(text, key)
    if path in draft.files:
        wrong = gettext("The file %(path)s already exists.", path=path)
        raise invalid("/name", wrong, gettext("Choose another name."))
    return replace(draft, files={**draft.files, path: text}), path


def remove_file(draft: Draft, path: str) -> Draft:
    return replace(draft, files={name: text for name, text in draft.files.items() if name != path})


def revert_file(tx: Transaction, draft: Draft, path: str) -> Draft:
    """Revert one file to the set in force, or remove it if it is not there. Raises: NotFound."""
    current = current_rule_set(tx)
    if current is None or path not in current.files | draft.files:
        raise NotFound(gettext("This file does not exist."))
    if path not in current.files:
        return remove_file(draft, path)
    return replace(draft, files={**draft.files, path: current.files[path]})


def merge_published_changes(tx: Transaction, draft: Draft) -> Draft:
    """Merge the draft with the set in force. `merge_messages` describes what was merged."""
    current = current_rule_set(tx)
    if current is None or current.version == draft.based_on:
        return draft
    merged = merge_rule_files(files_at(tx, draft.based_on), draft.files, current.files)
    messages = []
    if merged.taken:
        taken = ", ".join(merged.taken)
        messages.append(
            gettext("Changes by %(name)s were merged: %(files)s.", name=current.published_by, files=taken)
        )
    if merged.restored:
        messages.append(
            gettext(
                "Deleted by one of you and changed by the other, so not deleted: %(files)s.",
                files=", ".join(merged.restored),
            )
        )
    if merged.unresolved:
        messages.append(
            gettext(
                "Conflicting changes in %(files)s: both versions are in the text, between "
                "<, = and > markers. Keep the correct lines and delete the markers.",
                files=", ".join(merged.unresolved),
            )
        )
    return Draft(merged.files, current.version, messages or [gettext("Your files did not have to change.")])


def template_choices(files: Mapping[str, str]) -> list[tuple[str, str]]:
    """The options for a new file: path to copy, and label."""
    types = [
        (path, gettext("Contract type, copied from %(name)s", name=_name(path)))
        for path in files
        if path.startswith(TYPES)
    ]
    variants = [
        (path, gettext("Variant of %(name)s", name=_name(path)))
        for path in files
        if path == COVERAGE or path.startswith(VARIANTS)
    ]
    cards = [
        (path, gettext("Rate card, copied from %(name)s", name=_name(path)))
        for path in files
        if path.startswith(CARDS)
    ]
    single = [(path, gettext("%(path)s (missing)", path=path)) for path in SINGLE_FILES if path not in files]
    return [*sorted(types), *sorted(cards), *sorted(variants), *single]


# ------------------------------------------------------------------ helpers


def _as_type(text: str, key: str, files: Mapping[str, str]) -> str:
    """A contract type's text with a new key, and a label and number prefix derived from it."""
    taken = {prefix for one in files.values() for _, prefix in PREFIX_IN_TEXT.findall(one)}
    words = key.split("_")
    offered = [
        "".join(word[:1] for word in words),
        *(key.replace("_", "")[:length] for length in (3, 4, 6, 8)),
    ]
    prefix = next((one.upper() for one in offered if one.upper() not in taken and len(one) > 1), None)
    text = KEY_IN_TEXT.sub(rf'\1"{key}"', text, count=1)
    text = _with_label(text, key)
    return PREFIX_IN_TEXT.sub(rf'\1"{prefix}"', text, count=1) if prefix else text


def _with_label(text: str, key: str) -> str:
    """A text whose label says the words of its key."""
    return LABEL_IN_TEXT.sub(rf'\1"{key.replace("_", " ").strip().capitalize()}"', text, count=1)


def _with_line_ends_of(text: str, before: str | None) -> str:
    """A posted text with the line endings of its original file, since browsers change them."""
    plain = LINE_END.sub("\n", text)
    if before is None:
        return plain
    if plain == LINE_END.sub("\n", before):
        return before
    return plain.replace("\n", "\r\n") if "\r\n" in before else plain


def _published_since(tx: Transaction, draft: Draft, current: RuleSetView | None) -> PublishedSince | None:
    if current is None or current.version == draft.based_on:
        return None
    since = []
    for one in list_publications(tx, limit=MAX_PUBLICATIONS).items:
        if one.version == draft.based_on:
            break
        since.append(one)
    diff = diff_view(draft.based_on or None, files_at(tx, draft.based_on), current.version, current.files)
    return PublishedSince(current, since, diff)


def _file(path: str, change: FileChange | None, problems: list[ProblemView]) -> File:
    folder = path.rpartition("/")[0]
    mine = [one.severity for one in problems if one.file == path]
    return File(path, folder, _name(path), change, mine.count("error"), mine.count("warning"))


def _lines(files: Mapping[str, str], problems: list[ProblemView]) -> dict[tuple[str, int], str]:
    texts = {one.file: LINE_END.split(files[one.file]) for one in problems if one.file in files}
    return {
        (one.file, one.line): texts[one.file][one.line - 1].strip()[:MAX_EXCERPT_LENGTH]
        for one in problems
        if one.file in texts and one.line <= len(texts[one.file])
    }


def _name(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return name.removesuffix(".json") if folder else name


def _sort_key(path: str) -> tuple[int, str]:
    """Sort key: coverage.json first, then other top-level files, then folders."""
    return (0 if path == COVERAGE else 1 if "/" not in path else 2, path)
