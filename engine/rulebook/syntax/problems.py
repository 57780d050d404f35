"""Problems in rule files: what is wrong, where, and what to write instead."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from re import compile as regex
from typing import ClassVar, Literal, NamedTuple, TypeVar

from engine.errors import DeskError

Severity = Literal["error", "warning"]
T = TypeVar("T")

MAX_PROBLEMS_PER_FILE = 200
LINE_END = regex(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Problem:
    """A problem in a rule file. `line` and `column` count characters from 1; `pointer` is a JSON pointer."""

    file: str
    line: int
    column: int
    pointer: str
    severity: Severity
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}"


class RuleSetRefused(DeskError):
    """A rule set with errors, which cannot be published; `problems` has all problems, including warnings."""

    code: ClassVar[str] = "rule-set-refused"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        errors = [problem for problem in problems if problem.severity == "error"]
        first = f" The first: {errors[0]}" if errors else ""
        count = "one error" if len(errors) == 1 else f"{len(errors)} errors"
        super().__init__(
            f"The rule set has {count}.{first}",
            remedy="Fix the problems listed and try again; the rules in force have not changed.",
            problems=problems,
        )
        self.problems = problems


class TooManyProblems(Exception):
    """A file has more errors than are listed, so the rest of it is not read."""


class Place(NamedTuple):
    """A position in a file's text: an offset in characters, and the JSON pointer of the value there."""

    start: int
    pointer: str


TOP = Place(0, "")


class FileReport:
    """Collects the problems of one rule file, up to `MAX_PROBLEMS_PER_FILE`.

    One more error raises TooManyProblems, so that a file that is full of them is not read to its end; further
    warnings are only counted.
    A file that `was_accepted` by an earlier version of the checker is read as it was then: what only the
    current checker would refuse is a warning; what can no longer be read at all is still an error.
    """

    def __init__(self, file: str, text: str = "", *, was_accepted: bool = False) -> None:
        self.file = printable(file)
        self._was_accepted = was_accepted
        self._in_examples = False
        self._text = text
        self._line_starts: list[int] | None = None
        self._problems: list[Problem] = []
        self._omitted_warnings = 0
        self._was_stopped = False

    @property
    def text(self) -> str:
        """The text that positions refer to."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        self._text = text
        self._line_starts = None

    def error(self, place: Place, message: str) -> None:
        """Report what cannot be read or evaluated as written. Raises: TooManyProblems."""
        is_tolerated = self._was_accepted and self._in_examples
        self._add(place, "warning" if is_tolerated else "error", message)

    def reject(self, place: Place, message: str) -> bool:
        """Report what could be evaluated but is not allowed.

        Returns whether to use it anyway, because the file was accepted earlier. Raises: TooManyProblems.
        """
        self._add(place, "warning" if self._was_accepted else "error", message)
        return self._was_accepted

    def within_limit(self, read: Callable[[], T]) -> T | None:
        """What `read` returns, or None if it finds too many problems."""
        try:
            return read()
        except TooManyProblems:
            return None

    @contextmanager
    def examples(self) -> Iterator[None]:
        """Problems reported within this context are in examples, which no decision depends on."""
        self._in_examples = True
        try:
            yield
        finally:
            self._in_examples = False

    def warning(self, place: Place, message: str) -> None:
        self._add(place, "warning", message)

    @property
    def has_errors(self) -> bool:
        return any(problem.severity == "error" for problem in self._problems)

    @property
    def is_full(self) -> bool:
        """Whether further problems are counted but not listed."""
        return len(self._problems) >= MAX_PROBLEMS_PER_FILE

    @property
    def problems(self) -> list[Problem]:
        """The problems by position; if there are too many, the first ones and a remark on the rest."""
        found = sorted(self._problems, key=lambda problem: (problem.line, problem.column))
        if self._was_stopped:
            message = f"The file has more than {MAX_PROBLEMS_PER_FILE} problems. Fix these first."
            found.append(Problem(self.file, 1, 1, "", "error", message))
        elif self._omitted_warnings:
            message = f"{self._omitted_warnings} more problems in this file are not listed. Fix these first."
            found.append(Problem(self.file, 1, 1, "", "warning", message))
        return found

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of an offset in the text. CR, LF and CR LF each end a line."""
        if self._line_starts is None:
            self._line_starts = [0, *(end.end() for end in LINE_END.finditer(self._text))]
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def _add(self, place: Place, severity: Severity, message: str) -> None:
        if self.is_full and severity == "warning":
            self._omitted_warnings += 1
            return
        if self.is_full and not self._drop_last_warning():
            self._was_stopped = True
            raise TooManyProblems
        line, column = self.line_and_column(place.start)
        self._problems.append(
            Problem(self.file, line, column, printable(place.pointer), severity, printable(message))
        )

    def _drop_last_warning(self) -> bool:
        """Drop the last warning, if any, so that warnings never hide an error."""
        for index in reversed(range(len(self._problems))):
            if self._problems[index].severity == "warning":
                del self._problems[index]
                self._omitted_warnings += 1
                return True
        return False


def printable(text: str) -> str:
    """The text with characters that cannot be encoded (unpaired surrogates) replaced by escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
