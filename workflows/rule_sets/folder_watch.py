"""Watches the rules folder: an edit is found by comparison with the last content, checked and published.

The last content is stored in the database, per folder and machine. So an unchanged folder does not undo a
publication by page or API, and if several machines share a folder or receive the same edit, only one of them
publishes it. A folder with errors is never published: its problems are stored and logged, and administrators
are notified. Source: product.md section 12.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from socket import gethostname
from typing import Any

import structlog
from sqlalchemy import Row, exists, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.dialects.sqlite import insert as insert_or_skip_on_sqlite

from engine.rulebook import Problem, RuleSet, RuleSetRefused, version_of
from workflows.core.actors import Actor
from workflows.core.clock import CLOCK_SKEW
from workflows.core.config_version import config_in_force
from workflows.core.desk import Desk
from workflows.core.errors import StateForbids
from workflows.core.stored_rules import load_once
from workflows.core.transaction import Transaction
from workflows.notifications.messages import notify_administrators
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.proposals import submit_checked
from workflows.rule_sets.publishing import READERS, check_view
from workflows.store import tables as t
from workflows.views.rules import FolderView

FOLDER_ACTOR = Actor(None, "The rules folder", "system")
SETTLE_SECONDS = 0.2
"""An edit counts once the folder reads the same twice, this far apart: not while an editor is writing."""
MAX_PROBLEMS_STORED = 200
NEVER_GOOD = "never good"
"""The stored content of a folder that had errors when first seen: fixing them is an edit."""

log = structlog.get_logger()
folders = t.rules_folder


@dataclass(frozen=True, slots=True)
class FolderContent:
    """The content of a folder: its files if all could be read, else a digest of the problems."""

    digest: str
    files: Mapping[str, str] | None
    problems: tuple[Problem, ...] = ()


def pick_up_rules(desk: Desk, at: datetime) -> int:
    """Publish or propose an edit of this machine's rules folder, or report its errors; returns 1 for an edit.

    Nothing is raised for rules with errors: they are stored, logged and mailed to the administrators.
    """
    folder = desk.rules_folder
    if folder is None:
        return 0
    seen = _read_content(folder)
    if _is_known(_folder_row(desk, folder), seen):
        return 0
    time.sleep(SETTLE_SECONDS)
    if _read_content(folder) != seen:
        return 0
    try:
        if seen.files is None:
            raise RuleSetRefused(seen.problems)
        rule_set = load_once(seen.files)
        return desk.perform(FOLDER_ACTOR, lambda tx: _accept(tx, folder, seen, rule_set))
    except RuleSetRefused as refused:
        found = refused.problems
        return desk.perform(FOLDER_ACTOR, lambda tx: _refuse(tx, folder, seen, found))


def start_watching(desk: Desk, folder: Path, files: Mapping[str, str]) -> None:
    """Start to watch a folder that is not watched yet: a later difference from `files` is an edit."""

    def store(tx: Transaction) -> None:
        if _locked(tx, folder) is None:
            _store(tx, folder, content=version_of(files))

    desk.perform(FOLDER_ACTOR, store)


def mark_as_published(desk: Desk, folder: Path, files: Mapping[str, str]) -> None:
    """Record that a folder's files were published in another way, so they are not an edit."""
    desk.perform(FOLDER_ACTOR, lambda tx: _store(tx, folder, content=version_of(files)))


def list_rules_folders(tx: Transaction) -> list[FolderView]:
    """The watched rules folders, with the problems of the last check. Raises: NotAllowed."""
    tx.require(*READERS)
    rows = tx.connection.execute(select(folders).order_by(folders.c.host, folders.c.path))
    return [_view(row, tx) for row in rows]


def _accept(tx: Transaction, folder: Path, seen: FolderContent, rule_set: RuleSet) -> int:
    """Publish or propose the content if it is an edit; returns 1 for an edit. Raises: RuleSetRefused."""
    in_force = config_in_force(tx, to_change=True).version
    row = _locked(tx, folder)
    if _is_known(row, seen):
        return 0
    if in_force is not None and not _is_edit(tx, row, seen, in_force):
        _store(tx, folder, content=seen.digest, problems=rule_set.warnings)
        return 0
    try:
        submitted = submit_checked(tx, rule_set, f"Edited in {folder} on {gethostname()}")
    except StateForbids as error:
        log.info("rules folder: proposed already", folder=str(folder), reason=str(error))
    else:
        done = "proposed" if submitted.proposal else "published"
        log.info(f"rules folder: {done}", folder=str(folder), version=submitted.version)
    _store(tx, folder, content=seen.digest, problems=rule_set.warnings)
    return 1


def _is_edit(tx: Transaction, row: Row[Any] | None, seen: FolderContent, in_force: str) -> bool:
    """Whether the content is an edit: not if the folder is new, restored, or published in another way.

    A folder that is new here may be any old copy: it is watched, but not published.
    """
    if row is None or row.content is None or seen.digest in (row.content, in_force):
        return False
    return not _seen_elsewhere(tx, row, seen.digest)


def _refuse(tx: Transaction, folder: Path, seen: FolderContent, problems: tuple[Problem, ...]) -> int:
    """Store the problems and notify the administrators, once for each content of the folder."""
    row = _locked(tx, folder)
    if _is_known(row, seen):
        return 0
    notified = tx.connection.execute(select(exists().where(folders.c.refused == seen.digest))).scalar()
    first = NEVER_GOOD if folder.is_dir() else None
    content = row.content or first if row is not None else first
    _store(tx, folder, content=content, refused=seen.digest, problems=problems)
    errors = [problem for problem in problems if problem.severity == "error"]
    log.error(
        "rules folder: refused, the rule set in force does not change",
        folder=str(folder),
        errors=len(errors),
        problems=[str(problem) for problem in errors[:10]],
    )
    if not notified:
        lines = "\n".join(str(problem) for problem in errors[:20])
        notify_administrators(
            tx,
            "rules_refused",
            {"folder": str(folder), "host": gethostname(), "problems": lines},
            about=("rules_folder", _key(folder)),
            payload={"errors": len(errors)},
        )
    return 1


def _seen_elsewhere(tx: Transaction, row: Row[Any], version: str) -> bool:
    """Whether another machine has seen this content after we saw ours: then it has published it already."""
    other = select(folders.c.id).where(
        folders.c.id != row.id,
        folders.c.content == version,
        folders.c.content_seen_at > row.content_seen_at,
        # one that is ahead was seen before the system's clock was set back
        folders.c.content_seen_at <= tx.real_now + CLOCK_SKEW,
    )
    return tx.connection.execute(other.limit(1)).scalar() is not None


def _read_content(folder: Path) -> FolderContent:
    try:
        files = read_rules_folder(folder)
    except RuleSetRefused as refused:
        text = "\n".join(str(problem) for problem in refused.problems)
        return FolderContent(sha256(text.encode("utf-8", "replace")).hexdigest(), None, refused.problems)
    return FolderContent(version_of(files), files)


def _is_known(row: Row[Any] | None, seen: FolderContent) -> bool:
    return row is not None and seen.digest == (row.refused or row.content)


def _key(folder: Path) -> str:
    """The id of a folder of this machine."""
    return sha256(f"{gethostname()}\0{folder.resolve()}".encode("utf-8", "replace")).hexdigest()


def _folder_row(desk: Desk, folder: Path) -> Row[Any] | None:
    with desk.database.read() as connection:
        return connection.execute(select(folders).where(folders.c.id == _key(folder))).one_or_none()


def _locked(tx: Transaction, folder: Path) -> Row[Any] | None:
    wanted = select(folders).where(folders.c.id == _key(folder)).with_for_update()
    return tx.connection.execute(wanted).one_or_none()


def _store(
    tx: Transaction,
    folder: Path,
    *,
    content: str | None,
    refused: str | None = None,
    problems: tuple[Problem, ...] = (),
) -> None:
    known = _locked(tx, folder)
    values: dict[str, Any] = {
        "content": content,
        "refused": refused,
        "problems": [asdict(problem) for problem in problems[:MAX_PROBLEMS_STORED]],
        "checked_at": tx.real_now,
    }
    if known is None or known.content != content:
        values["content_seen_at"] = tx.real_now
    if known is not None:
        tx.connection.execute(update(folders).where(folders.c.id == known.id).values(**values))
        return
    skipping = insert_or_skip_on_sqlite if tx.is_sqlite else insert_or_skip
    named = {"id": _key(folder), "host": gethostname(), "path": str(folder.resolve())}
    tx.connection.execute(skipping(folders).values(**named, **values).on_conflict_do_nothing())


def _view(row: Row[Any], tx: Transaction) -> FolderView:
    check = check_view([Problem(**one) for one in row.problems])
    return FolderView(
        host=row.host,
        path=row.path,
        checked_at=row.checked_at,
        ok=row.refused is None,
        problems=check.problems,
        version=None if row.content == NEVER_GOOD else row.content,
        in_force=row.refused is None and row.content is not None and row.content == tx.config.version,
    )
