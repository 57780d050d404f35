"""Watches the rules folder: an edit is found by comparison with the last content, checked and published.

The last content is stored in the database, per folder and machine. So neither an unchanged folder nor an
edit of it undoes a publication by page or API, and if several machines share a folder or receive the same
edit, only one of them publishes it. A folder with errors is never published: its problems are stored and
logged, and administrators are notified. It is tried again every minute, since what forbids it may lie in the
desk: a contract of a type that it removes, a setting that a rule needs. Source: product.md section 12.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from socket import gethostname
from typing import Any

import structlog
from sqlalchemy import Row, exists, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.dialects.sqlite import insert as insert_or_skip_on_sqlite

from engine.rulebook import Problem, RuleSetRefused, version_of
from workflows.core.actors import Actor
from workflows.core.clock import CLOCK_SKEW
from workflows.core.config_version import config_in_force
from workflows.core.desk import Desk
from workflows.core.errors import StateForbids
from workflows.core.stored_rules import load_once
from workflows.core.transaction import Transaction
from workflows.notifications.messages import notify_administrators
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.folder_merge import Files, base_of_edit, merge_edit
from workflows.rule_sets.proposals import submit_checked
from workflows.rule_sets.publishing import READERS, check_view, files_of
from workflows.store import tables as t
from workflows.views.rules import FolderView

FOLDER_ACTOR = Actor(None, "The rules folder", "system")
SETTLE_SECONDS = 0.2
"""An edit counts once the folder reads the same twice, this far apart: not while an editor is writing."""
TRY_AGAIN = timedelta(minutes=1)
"""After which an edit that was refused is tried again."""
MAX_PROBLEMS_STORED = 200
NEVER_GOOD = "never good"
"""The stored content of a folder with errors when first seen: fixing it is an edit of the rules in force."""

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
    if _is_known(_folder_row(desk, folder), seen, desk.clock.now()):
        return 0
    time.sleep(SETTLE_SECONDS)
    if _read_content(folder) != seen:
        return 0
    try:
        if seen.files is None:
            raise RuleSetRefused(seen.problems)
        files = seen.files
        load_once(files)  # before the transaction: it takes longest, and an error needs none
        return desk.perform(FOLDER_ACTOR, lambda tx: _accept(tx, folder, seen, files))
    except RuleSetRefused as refused:
        found = refused.problems
        return desk.perform(FOLDER_ACTOR, lambda tx: _refuse(tx, folder, seen, found))


def start_watching(desk: Desk, folder: Path, files: Mapping[str, str]) -> None:
    """Start to watch a folder that is not watched yet: a later difference from `files` is an edit."""

    def store(tx: Transaction) -> None:
        if _locked(tx, folder) is None:
            _store(tx, folder, content=version_of(files), base=files)

    desk.perform(FOLDER_ACTOR, store)


def mark_as_published(
    desk: Desk, folder: Path, files: Mapping[str, str], *, proposal: str | None = None
) -> None:
    """Record that a folder's files were published or proposed in another way, so they are not an edit."""

    def store(tx: Transaction) -> None:
        taken_over = _taken_over(files, proposal, base_of_edit(tx, _locked(tx, folder)))
        _store(tx, folder, content=version_of(files), **taken_over)

    desk.perform(FOLDER_ACTOR, store)


def list_rules_folders(tx: Transaction) -> list[FolderView]:
    """The watched rules folders, with the problems of the last check. Raises: NotAllowed."""
    tx.require(*READERS)
    rows = tx.connection.execute(select(folders).order_by(folders.c.host, folders.c.path))
    return [_view(row, tx) for row in rows]


def _accept(tx: Transaction, folder: Path, seen: FolderContent, files: Files) -> int:
    """Publish or propose the content if it is an edit; returns 1 for an edit. Raises: RuleSetRefused."""
    in_force = config_in_force(tx, to_change=True).version
    row = _locked(tx, folder)
    if _is_known(row, seen, tx.real_now):
        return 0
    if in_force is None:
        return _submit(tx, folder, seen, files, base={}, edited=files)
    if row is None or row.content is None or seen.digest == in_force:
        # a folder that is new here may be any old copy: it is watched, but not published
        _store(tx, folder, content=seen.digest, base=files, problems=load_once(files).warnings)
        return 0
    unedited = row if seen.digest == row.content else _seen_elsewhere(tx, row, seen.digest)
    if unedited is not None:
        unchanged = {"base": unedited.base, "proposed": unedited.proposed}
        _store(tx, folder, content=seen.digest, **unchanged, problems=load_once(files).warnings)
        return 0
    base = base_of_edit(tx, row)
    edited = merge_edit(base, files, files_of(tx, in_force), in_force)
    return _submit(tx, folder, seen, files, base=base, edited=edited)


def _submit(
    tx: Transaction, folder: Path, seen: FolderContent, files: Files, *, base: Files, edited: Files
) -> int:
    """Publish or propose the `edited` files. Raises: RuleSetRefused."""
    rule_set = load_once(edited)
    note = f"Edited in {folder} on {gethostname()}"
    if rule_set.version != seen.digest:
        note += ", merged with changes that were published otherwise"
    proposal: Any = None
    changed = 1
    try:
        submitted = submit_checked(tx, rule_set, note)
    except StateForbids as error:
        proposal = error.values["proposal"]
        log.info("rules folder: proposed already", folder=str(folder), reason=str(error))
    else:
        proposal, changed = submitted.proposal, 0 if submitted.unchanged else 1
        done = "proposed" if proposal else "published" if changed else "in force already"
        log.info(f"rules folder: {done}", folder=str(folder), version=submitted.version)
    taken_over = _taken_over(files, proposal, base)
    _store(tx, folder, content=seen.digest, **taken_over, problems=rule_set.warnings)
    return changed


def _taken_over(files: Files, proposal: str | None, base: Files) -> dict[str, Any]:
    """What is stored of submitted files: `base` stays while they are only proposed."""
    if proposal is None:
        return {"base": files}
    return {"base": base, "proposed": {"proposal": proposal, "files": dict(files)}}


def _refuse(tx: Transaction, folder: Path, seen: FolderContent, problems: tuple[Problem, ...]) -> int:
    """Store the problems and notify the administrators, once for each content of the folder.

    One that is refused again is logged only where other problems are found.
    """
    row = _locked(tx, folder)
    if _is_known(row, seen, tx.real_now):
        return 0
    stored = _stored_problems(problems)
    is_same = row is not None and row.refused == seen.digest and row.problems == stored
    notified = tx.connection.execute(select(exists().where(folders.c.refused == seen.digest))).scalar()
    content = row.content if row is not None else None
    unchanged = {} if row is None else {"base": row.base, "proposed": row.proposed}
    if content is None and folder.is_dir():
        in_force = config_in_force(tx, to_change=False).version
        content, unchanged = NEVER_GOOD, {"base": {} if in_force is None else files_of(tx, in_force)}
    _store(tx, folder, content=content, **unchanged, refused=seen.digest, problems=problems)
    if is_same:
        return 0
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


def _seen_elsewhere(tx: Transaction, row: Row[Any], version: str) -> Row[Any] | None:
    """Another machine's folder that had this content after we saw ours: it has been published from there."""
    other = select(folders).where(
        folders.c.id != row.id,
        folders.c.content == version,
        folders.c.content_seen_at > row.content_seen_at,
        # one that is ahead was seen before the system's clock was set back
        folders.c.content_seen_at <= tx.real_now + CLOCK_SKEW,
    )
    return tx.connection.execute(other.limit(1)).one_or_none()


def _read_content(folder: Path) -> FolderContent:
    try:
        files = read_rules_folder(folder)
    except RuleSetRefused as refused:
        text = "\n".join(str(problem) for problem in refused.problems)
        return FolderContent(sha256(text.encode("utf-8", "replace")).hexdigest(), None, refused.problems)
    return FolderContent(version_of(files), files)


def _is_known(row: Row[Any] | None, seen: FolderContent, now: datetime) -> bool:
    """Whether the content was accepted, or refused a short time ago; `now` is that of the machine."""
    if row is None or row.refused is None:
        return row is not None and seen.digest == row.content
    # one that is ahead was refused before the system's clock was set back
    is_recent = row.checked_at - CLOCK_SKEW <= now < row.checked_at + TRY_AGAIN
    return bool(seen.digest == row.refused and is_recent)


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
    base: Files | None = None,
    proposed: dict[str, Any] | None = None,
    refused: str | None = None,
    problems: tuple[Problem, ...] = (),
) -> None:
    known = _locked(tx, folder)
    values: dict[str, Any] = {
        "content": content,
        "base": None if base is None else dict(base),
        "proposed": proposed,
        "refused": refused,
        "problems": _stored_problems(problems),
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


def _stored_problems(problems: tuple[Problem, ...]) -> list[dict[str, Any]]:
    return [asdict(problem) for problem in problems[:MAX_PROBLEMS_STORED]]


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
