"""What is wrong with a rule file, where, and what to write instead."""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from re import compile as regex
from typing import ClassVar, Literal, NamedTuple

from engine.errors import DeskError

Severity = Literal["error", "warning"]

MOST_PROBLEMS_PER_FILE = 200
LINE_END = regex(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Problem:
    """One place in a rule file. `line` and `column` count characters from 1; `pointer` is a JSON pointer."""

    file: str
    line: int
    column: int
    pointer: str
    severity: Severity
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}"


class RuleSetRefused(DeskError):
    """A rule set that must not take force; `problems` holds all that is wrong with it, warnings too."""

    code: ClassVar[str] = "rule-set-refused"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        errors = [problem for problem in problems if problem.severity == "error"]
        first = f" The first: {errors[0]}" if errors else ""
        count = "one error" if len(errors) == 1 else f"{len(errors)} errors"
        super().__init__(
            f"The rule set has {count}.{first}",
            remedy="Mend the places named and try again; nothing has taken force.",
            problems=problems,
        )
        self.problems = problems


class Place(NamedTuple):
    """Where in a file's text: an offset in characters, and the JSON pointer of what stands there."""

    start: int
    pointer: str


TOP = Place(0, "")


class FileReport:
    """Collects the problems of one rule file.

    A file that `was_accepted` by the checker of its time is read as it was then: what only today's checker
    would refuse is a warning, and what can no longer be read at all is an error still.
    """

    def __init__(self, file: str, text: str = "", *, was_accepted: bool = False) -> None:
        self.file = printable(file)
        self._was_accepted = was_accepted
        self._in_examples = False
        self._text = text
        self._line_starts: list[int] | None = None
        self._problems: list[Problem] = []
        self._left_out: list[Severity] = []

    @property
    def text(self) -> str:
        """What places are counted in."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        self._text = text
        self._line_starts = None

    def error(self, place: Place, message: str) -> None:
        """Tell of what cannot be read, or cannot be run as it stands."""
        excused = self._was_accepted and self._in_examples
        self._add(place, "warning" if excused else "error", message)

    def judge(self, place: Place, message: str) -> bool:
        """Tell of what must not take force though it could be run; whether to go on with it as it stands."""
        self._add(place, "warning" if self._was_accepted else "error", message)
        return self._was_accepted

    @contextmanager
    def examples(self) -> Iterator[None]:
        """What is told within concerns examples: no decision hangs on them."""
        self._in_examples = True
        try:
            yield
        finally:
            self._in_examples = False

    def warning(self, place: Place, message: str) -> None:
        self._add(place, "warning", message)

    @property
    def has_errors(self) -> bool:
        return "error" in self._left_out or any(problem.severity == "error" for problem in self._problems)

    @property
    def is_full(self) -> bool:
        """Whether further problems are only counted."""
        return len(self._problems) >= MOST_PROBLEMS_PER_FILE

    @property
    def problems(self) -> list[Problem]:
        """In the order of their places; of a file that is wrong throughout, the first ones and a count."""
        found = sorted(self._problems, key=lambda problem: (problem.line, problem.column))
        if self._left_out:
            message = f"{len(self._left_out)} more problems in this file are not listed. Mend these first."
            severity: Severity = "error" if "error" in self._left_out else "warning"
            found.append(Problem(self.file, 1, 1, "", severity, message))
        return found

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset in the text, from 1. CR, LF and CR LF each end one line."""
        if self._line_starts is None:
            self._line_starts = [0, *(end.end() for end in LINE_END.finditer(self._text))]
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def _add(self, place: Place, severity: Severity, message: str) -> None:
        if self.is_full and not (severity == "error" and self._make_room()):
            self._left_out.append(severity)
            return
        line, column = self.line_and_column(place.start)
        self._problems.append(
            Problem(self.file, line, column, printable(place.pointer), severity, printable(message))
        )

    def _make_room(self) -> bool:
        """Leave out the last warning, if there is one: no number of them may hide an error."""
        for index in reversed(range(len(self._problems))):
            if self._problems[index].severity == "warning":
                del self._problems[index]
                self._left_out.append("warning")
                return True
        return False


def printable(text: str) -> str:
    """The text with what cannot be encoded (a lone half of a surrogate pair) written as an escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
