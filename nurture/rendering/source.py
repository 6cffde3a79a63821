"""A template file taken apart, each part with the line on which it begins."""

import re
from typing import NamedTuple

from nurture.rendering.problems import TemplateProblem, TemplateProblems

_FENCE = re.compile(r"^---[ \t]*$", re.MULTILINE)
_TEXT_PART = re.compile(r"^---[ \t]+text[ \t]*$", re.MULTILINE)


class Words(NamedTuple):
    """Text of an author, and where its first character stands in the file."""

    text: str
    line: int = 1
    column: int = 1


class Source(NamedTuple):
    """The parts of a file. `front_text` is YAML; `text_part` is None where the author wrote none."""

    front_text: str
    front_line: int
    body_text: str
    body_line: int
    text_part: str | None = None
    text_line: int = 0


def split(path: str, text: str) -> Source:
    """Front matter between two `---` lines at the very top, the body, the part after `--- text`.

    Line ends become `\\n`, a byte order mark goes. Raises TemplateProblems if the front matter never ends.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    front, front_line, rest = "", 1, 0
    opening = _FENCE.match(text)
    if opening:
        closing = _FENCE.search(text, opening.end() + 1)
        if closing is None:
            raise TemplateProblems((_never_ends(path),))
        front, front_line = text[opening.end() + 1 : closing.start()], 2
        rest = min(closing.end() + 1, len(text))
    divider = _TEXT_PART.search(text, rest)
    if divider is None:
        return Source(front, front_line, text[rest:], _line(text, rest))
    after = min(divider.end() + 1, len(text))
    body = text[rest : divider.start()]
    return Source(front, front_line, body, _line(text, rest), text[after:], _line(text, after))


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _never_ends(path: str) -> TemplateProblem:
    return TemplateProblem(
        path, 1, 1, "the front matter never ends", "write a line of three dashes, ---, below it"
    )
