"""A problem in an authored file: where it is, what is wrong, and what to write instead."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

_LONGEST_SHOWN = 48


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right; line and column count from 1. A warning does not make the check fail."""

    file: str
    line: int
    column: int
    where: str
    what: str
    hint: str = ""
    warning: bool = False

    def __post_init__(self) -> None:
        """Terminals obey control characters, so none of an author's text gets through."""
        for name in ("file", "where", "what", "hint"):
            text = getattr(self, name)
            if not text.isprintable():
                object.__setattr__(self, name, _printable(text))

    @property
    def place(self) -> str:
        """`file:line:column`, which editors open."""
        return f"{self.file}:{self.line}:{self.column}"

    def __str__(self) -> str:
        """`file:line:column  where  what is wrong  what to write instead`."""
        what = f"warning: {self.what}" if self.warning else self.what
        return "  ".join(part for part in (self.place, self.where, what, self.hint) if part)


class Unreadable(ValueError):
    """A value that means nothing: `what` is wrong with it, and what to write instead."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}; {hint}" if hint else what)
        self.what = what
        self.hint = hint


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that make a programme unusable."""
    return [problem for problem in problems if not problem.warning]


def shown(value: object) -> str:
    """A value as a sentence quotes it: short, on one line, without control characters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int | float):
        return str(value)[:_LONGEST_SHOWN]
    text = str(value)
    if len(text) > _LONGEST_SHOWN:
        text = text[:_LONGEST_SHOWN] + "..."
    return f'"{_printable(text)}"'


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def kind_of(value: object) -> str:
    """What sort of value somebody wrote, in words."""
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case None:
            return "nothing"
    return "a date or time"


def misfit(value: object, wanted: str) -> str:
    """What is wrong with a value of another kind than is wanted (`text`, `a number`, `a list` ...)."""
    match value:
        case None:
            return f"is empty, where {wanted} should stand"
        case dict() | list() | tuple():
            return f"is {kind_of(value)}, not {wanted}"
    if wanted == "true or false":
        return f"{shown(value)} is neither true nor false"
    return f"{shown(value)} is not {wanted}"


def nearest(word: str, known: Collection[str]) -> str:
    """`did you mean "x"?`, or the first few that are known, or nothing where there are none."""
    close = get_close_matches(word[:_LONGEST_SHOWN], known, 1, 0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    if not known:
        return "there are none"
    first = sorted(known)[:8]
    more = ", ..." if len(known) > len(first) else ""
    return "known: " + ", ".join(first) + more
