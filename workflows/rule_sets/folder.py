"""Reading the rules folder from disk, with an error for everything that can be wrong with its files."""

import os
from pathlib import Path
from stat import S_ISREG

from engine.rulebook import (
    MAX_BYTES,
    Problem,
    RuleSetRefused,
    decode_rule_file,
    is_rule_file,
)
from engine.rulebook.syntax.decoding import too_large
from workflows.rule_sets.checked_files import checked_files

MOST_FILES_READ = 1000
READABLE = "Make it readable for the server."


def read_rules_folder(folder: Path) -> dict[str, str]:
    """The texts of a folder's rule files, by their path relative to it, with forward slashes.

    Raises: RuleSetRefused if the folder or a file in it cannot be read.
    """
    files, problems = _read(folder)
    if any(problem.severity == "error" for problem in problems):
        raise RuleSetRefused(tuple(problems))
    return files


def check_rules_folder(folder: Path) -> tuple[dict[str, str], list[Problem]]:
    """The readable rule files of a folder, and all problems of the files and their rules, sorted by place."""
    files, problems = _read(folder)
    unread = {problem.file for problem in problems if problem.severity == "error"}
    if files or not unread:
        problems += [problem for problem in checked_files(files).problems if problem.file not in unread]
    return files, sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column))


def _read(folder: Path) -> tuple[dict[str, str], list[Problem]]:
    problems: list[Problem] = []
    files: dict[str, str] = {}
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        message = f"The rules folder {found}. Set COVERDESK_RULES_DIR, or name the folder."
        return files, [_problem(str(folder), message)]
    for path in _rule_paths(folder, problems):
        name = path.relative_to(folder).as_posix()
        text = _text_of(path, name, problems)
        if text is not None:
            files[name] = text
    return files, problems


def _rule_paths(folder: Path, problems: list[Problem]) -> list[Path]:
    """The rule files in the folder, by name. Hidden files are skipped: editors write them."""

    def cannot_list(error: OSError) -> None:
        problems.append(
            _problem(str(error.filename), f"The folder cannot be read: {_reason(error)}. {READABLE}")
        )

    paths: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=cannot_list):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if not name.startswith(".") and is_rule_file(path.relative_to(folder).as_posix()):
                paths.append(path)
        if len(paths) > MOST_FILES_READ:
            problems.append(
                _problem(str(folder), f"The folder has more than {MOST_FILES_READ} rule files. Remove some.")
            )
            return []
    return paths


def _text_of(path: Path, name: str, problems: list[Problem]) -> str | None:
    try:
        if not S_ISREG(path.stat().st_mode):
            # reading a pipe, for example, would block
            problems.append(_problem(name, "This is not a regular file. Replace it with one."))
            return None
        with path.open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            raw = file.read(MAX_BYTES + 1) if size_bytes <= MAX_BYTES else b""
    except FileNotFoundError:
        problems.append(
            _problem(name, "The file was removed while it was being read. Restore it, or leave it out.")
        )
        return None
    except OSError as error:
        problems.append(_problem(name, f"The file cannot be read: {_reason(error)}. {READABLE}"))
        return None
    if size_bytes > MAX_BYTES:
        problems.append(_problem(name, too_large(size_bytes)))
        return None
    mine: list[Problem] = []
    text = decode_rule_file(name, raw, mine)
    problems += mine
    return None if any(problem.severity == "error" for problem in mine) else text


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _problem(file: str, message: str) -> Problem:
    return Problem(file, 1, 1, "", "error", message)
