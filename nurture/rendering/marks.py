"""Jinja's tags out of the text and back again.

While a text is read as Markdown and HTML, each tag is represented by a mark: a plain word of lower-case
letters and digits that no text of this piece contains. So Jinja is never read as markup, and a value,
which comes only after everything is put back, never either. Each mark remembers file, line and column.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from nurture.rendering.problems import TemplateProblem
from nurture.rendering.source import Words

MOST_CHARACTERS = 150_000
MOST_TAGS = 1_000
LONGEST_TAG = 1_000

_OPENING = re.compile(r"\{[{%#]")
_STRING_OR_END = {
    "{{": re.compile(r"'(?:[^'\\\n]|\\.)*+'|\"(?:[^\"\\\n]|\\.)*+\"|(\}\})"),
    "{%": re.compile(r"'(?:[^'\\\n]|\\.)*+'|\"(?:[^\"\\\n]|\\.)*+\"|(%\})"),
}
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_OPENS_JINJA = re.compile(r"\{(?=[{%#]|\Z)")


@dataclass(frozen=True, slots=True)
class Mark:
    """A tag that was taken out: the word that stands for it, the tag as written, and where that was."""

    word: str
    kind: str  # expression, statement
    tag: str
    path: str
    line: int
    column: int

    @property
    def code(self) -> str:
        """What stands between the brackets, without whitespace control."""
        return self.tag[2:-2].removeprefix("-").removeprefix("+").removesuffix("-").removesuffix("+").strip()

    def problem(self, what: str, hint: str = "") -> TemplateProblem:
        """A problem at this tag."""
        return TemplateProblem(self.path, self.line, self.column, what, hint)


class Marks:
    """All tags of one piece: its body, layout, text part, subject and preheader."""

    def __init__(self, texts: Iterable[str]) -> None:
        together = "\0".join(texts)
        self._prefix = _unused_prefix(together)
        self.pattern = re.compile(rf"{self._prefix}[esl][0-9]+z")
        self.statements = re.compile(rf"{self._prefix}s[0-9]+z")
        self._comment_or_word = re.compile(rf"<!--({self.pattern.pattern})-->|({self.pattern.pattern})")
        self.by_word: dict[str, Mark] = {}
        self._jinja: dict[str, str] = {}
        self._tags = 0
        self.problems: list[TemplateProblem] = []

    def swap(self, path: str, words: Words) -> tuple[str, tuple[Mark, ...]]:
        """The text with marks for tags, and the marks in their order. What is wrong goes to `problems`."""
        text, taken, out, read = words.text, list[Mark](), list[str](), 0
        if not self._is_readable(path, words):
            return "", ()
        while opening := _OPENING.search(text, read):
            start = opening.start()
            out.append(text[read:start])
            end = _end_of_tag(text, start)
            self._tags += 1
            if end is None or self._tags > MOST_TAGS:
                self.problems.append(
                    _unended(path, words, start) if end is None else _too_many(path, words, start)
                )
                return "".join(out), tuple(taken)
            if opening.group() == "{#":
                read = _after_comment(text, start, end)
                continue
            mark = self._take(path, words, start, end)
            taken.append(mark)
            out.append(mark.word)
            read = end
        out.append(text[read:])
        return "".join(out), tuple(taken)

    def stand_for_link(self, number: int) -> str:
        """A mark that becomes the address of link `number`."""
        word = f"{self._prefix}l{number}z"
        self._jinja[word] = f"{{{{ link_{number} }}}}"
        return word

    def restore(self, text: str) -> str:
        """The text as a Jinja template: tags back in their places, every other bracket plain text."""
        out, read = list[str](), 0
        for found in self._comment_or_word.finditer(text):
            out.append(_OPENS_JINJA.sub('{{ "{" }}', text[read : found.start()]))
            out.append(self._jinja[found.group(1) or found.group(2)])
            read = found.end()
        out.append(_OPENS_JINJA.sub('{{ "{" }}', text[read:]))
        return "".join(out)

    def without_lone_lines(self, text: str) -> str:
        """Plain text in which a line of statement marks alone is no line."""
        word = self.statements.pattern
        lone = re.compile(rf"^[ \t]*+((?:{word}[ \t]*+)++)(?:\n|\Z)", re.MULTILINE)
        return lone.sub(lambda found: found.group(1).replace(" ", ""), text)

    def words_in(self, text: str) -> list[str]:
        """The marks in a text, in order; links too."""
        return self.pattern.findall(text)

    def _take(self, path: str, words: Words, start: int, end: int) -> Mark:
        tag = words.text[start:end]
        kind = "statement" if tag.startswith("{%") else "expression"
        word = f"{self._prefix}{kind[0]}{len(self.by_word)}z"
        mark = Mark(word, kind, tag, path, *place(words, start))
        self.by_word[word] = mark
        self._jinja[word] = tag
        return mark

    def _is_readable(self, path: str, words: Words) -> bool:
        if len(words.text) > MOST_CHARACTERS:
            what = f"the text has {len(words.text):,} characters"
            hint = f"a mail of more than {MOST_CHARACTERS:,} is not sent: shorten it"
            self.problems.append(TemplateProblem(path, words.line, words.column, what, hint))
            return False
        control = _UNREADABLE.search(words.text)
        if control:
            what = f"a control character, U+{ord(control.group()):04X}"
            hint = "delete it; the file should be plain UTF-8 text"
            self.problems.append(TemplateProblem(path, *place(words, control.start()), what, hint))
        return control is None


def place(words: Words, offset: int) -> tuple[int, int]:
    """Line and column in the file of a character of `words`."""
    before = words.text.count("\n", 0, offset)
    if before == 0:
        return words.line, words.column + offset
    return words.line + before, offset - words.text.rfind("\n", 0, offset)


def _unused_prefix(text: str) -> str:
    """A beginning for words that the text does not contain: the same for the same text."""
    lowered, digest = text.lower(), sha256(text.encode("utf-8", "replace")).hexdigest()
    while (prefix := f"nq{digest[:8]}") in lowered:
        digest = sha256(digest.encode()).hexdigest()
    return prefix


def _end_of_tag(text: str, start: int) -> int | None:
    """Where the tag that opens at `start` ends; an end inside a string is none."""
    if text.startswith("{#", start):
        end = text.find("#}", start + 2)
        return None if end < 0 else end + 2
    at, last = start + 2, min(len(text), start + LONGEST_TAG)
    while found := _STRING_OR_END[text[start : start + 2]].search(text, at, last):
        if found.group(1):
            return found.end()
        at = found.end()
    return None


def _after_comment(text: str, start: int, end: int) -> int:
    """Where reading goes on: a line with nothing but a comment goes whole."""
    line_end = text.find("\n", end)
    rest = text[end : line_end if line_end >= 0 else len(text)]
    begin = text[text.rfind("\n", 0, start) + 1 : start]
    return end if begin.strip() or rest.strip() or line_end < 0 else line_end + 1


def _unended(path: str, words: Words, start: int) -> TemplateProblem:
    opening = words.text[start : start + 2]
    ending = {"{{": "}}", "{%": "%}", "{#": "#}"}[opening]
    hint = (
        f"close it with {ending} within {LONGEST_TAG:,} characters; to show it, write {{{{ '{opening}' }}}}"
    )
    return TemplateProblem(path, *place(words, start), f"{opening} is never closed", hint)


def _too_many(path: str, words: Words, start: int) -> TemplateProblem:
    what = f"more than {MOST_TAGS:,} tags in one piece"
    return TemplateProblem(path, *place(words, start), what, "a loop, or a shorter text, says it with fewer")
