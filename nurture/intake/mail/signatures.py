"""Where a letter ends and its signature begins: a rule, a goodbye, the program's own line, the writer's name.

What ends a letter is believed to be a signature only where it looks like one to its last line. Goodbyes of a
dozen languages are those that mail-parser-reply knows, and some more.
"""

import re
from collections.abc import Sequence
from functools import cache

from mailparser_reply.constants import MAIL_LANGUAGES  # type: ignore[import-untyped]

LANGUAGES = [language for language in MAIL_LANGUAGES if len(language) == 2]
"""Those that mail-parser-reply knows."""
RULE = re.compile(r"[\s>]*[-_=*~—–]{2,}\s*")
"""A line that rules off what stands below."""

_LONG_RULE = re.compile(r"\s*[-_=*~—–]{10,}\s*")
_DASHED_NAME = re.compile(r"[-–—~](?:[^\W\d_][\w.'’-]*| ?(?:[A-ZÀ-ÞА-Я][\w.'’-]* ?){1,3})")
_GOODBYE = (
    r"(?:(?:many |with |much )?(?:kind(?:est)?|best|warm(?:est)?) (?:regards|wishes)|regards|best|cheers|"
    r"(?:many )?thanks(?: again| in advance)?|thank you(?: very much)?|sincerely(?: yours)?|"
    r"yours(?: sincerely| truly| faithfully)?|all the best|vg|mfg|lg|vielen dank|danke|merci(?: beaucoup)?|"
    r"bien à vous|bien cordialement|cordialmente|grazie|saluti|gracias|atentamente|um abraço|obrigad[oa]|"
    r"с уважением|спасибо)"
)


def signature_begins(lines: Sequence[str], sender: str) -> int:
    """The line at which the signature begins; the number of lines where there is none."""
    for place, line in enumerate(lines):
        if RULE.fullmatch(line) and _is_signature(lines[place + 1 :], 25):
            strict = line.strip() in ("--", "__", "—", "–")
            if strict or _LONG_RULE.fullmatch(line):
                return _above(lines, place)
    end = len(lines)
    for place in range(max(1, end - 14), end):
        line = lines[place].strip()
        rest = lines[place + 1 :]
        if _sent_from().fullmatch(line) and not any(map(str.strip, rest)):
            return _above(lines, place)
        if _goodbye().fullmatch(line) and any(map(str.strip, rest)) and _is_signature(rest, 12):
            return place
        if _DASHED_NAME.fullmatch(line) and _stands_alone(lines, place) and _is_signature(rest, 8):
            return _above(lines, place)
        if _names(line, sender) and not lines[place - 1].strip() and _is_signature(rest, 12):
            return place
    return end


def _above(lines: Sequence[str], place: int) -> int:
    """Where the goodbye over a signature begins, or the name over it."""
    end = place
    while end and not lines[end - 1].strip():
        end -= 1
    for start in range(max(1, end - 4), end):
        if _goodbye().fullmatch(lines[start].strip()) and _is_signature(lines[start + 1 : place], 4):
            return start
    if end and _DASHED_NAME.fullmatch(lines[end - 1].strip()) and _stands_alone(lines, end - 1):
        return _above(lines, end - 1)
    return place


def _is_signature(lines: Sequence[str], most: int) -> bool:
    """Whether all these lines could stand below a name: few and short, no question, no sentence first."""
    written = [line.strip() for line in lines if line.strip()]
    first = written[0] if written else ""
    is_sentence = len(first.split()) > 6 and first.endswith((".", "!"))
    return (
        len(written) <= most
        and all(len(line) <= 80 and not line.endswith("?") for line in written)
        and not is_sentence
    )


def _stands_alone(lines: Sequence[str], place: int) -> bool:
    """Whether it is no item of a list."""
    beside = (*lines[max(0, place - 1) : place], *lines[place + 1 : place + 2])
    return not any(line.strip() for line in beside)


def _names(line: str, sender: str) -> bool:
    """Whether a short line is a name, and the sender's, or that before the @ of their address."""
    if not sender or len(line) > 60 or line.endswith(("?", "!", ",", ":")):
        return False
    words = set(re.findall(r"[^\W\d_]{3,}", sender.partition("@")[0].lower()))
    said = re.findall(r"[^\W\d_]{2,}", line)
    is_name = len(said) <= 5 and all(word[0].isupper() for word in said)
    return is_name and bool(words & {word.lower() for word in said})


@cache
def _goodbye() -> re.Pattern[str]:
    """A line that is a goodbye and nothing else, in the languages that mail-parser-reply knows."""
    known = [each for each in _known("signatures") if r"\w+" not in each]
    return re.compile(rf"(?:{_GOODBYE}|{'|'.join(known)})[\s,.!;:—–-]*", re.IGNORECASE)


@cache
def _sent_from() -> re.Pattern[str]:
    known = "|".join(_known("sent_from"))
    return re.compile(rf"(?:{known}|sent (?:with|via) )[^,;!?]{{0,40}}", re.IGNORECASE)


def _known(kind: str) -> list[str]:
    """What the library knows under this name in all its languages, as patterns."""
    entries = (MAIL_LANGUAGES[language].get(kind) for language in LANGUAGES)
    each = [[entry] if isinstance(entry, str) else entry for entry in entries if entry]
    return [pattern.rstrip(",，") for patterns in each for pattern in patterns]
