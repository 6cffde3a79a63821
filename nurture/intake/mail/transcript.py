"""The words of a bounce: where they end and our own mail begins, whom they name, and what they say of each.

Without a machine-readable part all of this is known by shape: an address alone in its line, a line that
announces it, the head of a message after the words.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from nurture.intake.mail.headers import Headers, parted
from nurture.intake.mail.marks import ADDRESS, addresses_in
from nurture.intake.mail.message import Message

MOST_RECIPIENTS = 20
LONGEST_SAID = 1_500
LONGEST_WORDS = 30_000
"""Characters of a bounce's words that are looked at: what matters stands at their beginning."""

_OFFICE = re.compile(r"(?:mailer-daemon|postmaster)\b", re.IGNORECASE)
_ANNOUNCED = re.compile(
    r"^.{0,80}(?:recipient|address|reach|deliver|fail).{0,80}:[ \t]*$", re.IGNORECASE | re.MULTILINE
)
_HEAD_LINE = re.compile(r"[A-Z][A-Za-z0-9-]{1,40}:(?: |$|\t)")
_TELLING = re.compile(
    r"^(?:received|return-path|message-id|dkim-signature|mime-version|content-type|x-mailer|from|subject)$",
    re.I,
)
_QUOTED = re.compile(
    r"^(?!.*(?:generated|response|error|cannot|can't|could|not |fail|reject|received|delivered|sent "
    r"to))[ \t>|*=#_+~.-]*(?:this is (?:the |a )?(?:copy|original|headers?|text of|message "
    r"(?:you|that|header))[\w ,]{0,40}|(?:below (?:this line )?(?:is|are)|enclosed is|here is|the "
    r"following is|included is|attached is)[\w ,]{0,40}(?:copy|original|header|message|returned)|"
    r"(?:the )?(?:original|unsent|returned|undelivered|failed|rejected|header|body) ?(?:of )?(?:the |"
    r"your )?(?:original |returned |undelivered )?(?:message|mail|text|header|e-?mail)s?(?: "
    r"(?:headers?|body|text|info|follows?|below|is|was|attached|begins|content|details?))*|(?:message|"
    r"mail) headers?(?: follows?)?|copy of (?:the|your|original)[\w ]{0,40}|start of returned|a copy "
    r"of (?:the|your)[\w ,]{0,60}|your original message[\w ()]{0,20}|your message (?:reads?|follows?|"
    r"was:)|urspr[uü]ngliche nachricht|message d'origine|mensaje original|messaggio originale|mensagem "
    r"original|oorspronkelijk bericht|исходное сообщение|元のメール|オリジナル|原信|原邮件)[\w "
    r",']{0,40}[ \t>|*=#_+~.:-]*$",
    re.IGNORECASE | re.MULTILINE,
)


class Torn(NamedTuple):
    """A bounce's words, and the head of our message that it quoted below them."""

    words: str
    original: Headers


def tear(text: str) -> Torn:
    """The words of the machine, and the head of the message that it quotes after them, where it does."""
    places = [match.start() for match in _QUOTED.finditer(text)][:50]
    lines = text.split("\n")
    block = _head_block(lines)
    at = sum(len(line) + 1 for line in lines[:block]) if block < len(lines) else len(text)
    words = text[: min([place for place in places if text[:place].strip()] + [at])]
    original = parted("\n".join(lines[block:]).encode())[0] if block < len(lines) else Headers()
    return Torn(words[:LONGEST_WORDS], original)


def _head_block(lines: Sequence[str]) -> int:
    """Where the head of a message begins among these lines: three fields in a row that mail always has."""
    run, telling, start = 0, 0, 0
    for number, line in enumerate(lines):
        if line[:1] in (" ", "\t") and run:
            continue
        if _HEAD_LINE.match(line):
            start = number if run == 0 else start
            run += 1
            telling += _TELLING.match(line.partition(":")[0]) is not None
            if run >= 3 and telling >= 2:
                return start
        else:
            run = telling = 0
    return len(lines)


def recipients_of(message: Message, torn: Torn) -> list[str]:
    """Whom the message could not reach, best first: its own head, its words, the head of what came back."""
    head = message.headers
    named = [a for value in head.every("x-failed-recipients") for a in addresses_in(value)]
    ours = _ours(head)
    written = [match for match in ADDRESS.finditer(torn.words) if not _is_id(torn.words, match)]
    alone = _told([match for match in written if _stands_out(torn.words, match)], torn.words)
    returned = [*message.originals[:1], torn.original]
    to = [a for original in returned for a in addresses_in(original.first("to"))]
    if named:
        return list(dict.fromkeys(named))[:MOST_RECIPIENTS]
    theirs = [a for a in alone if a.lower() not in ours and not _OFFICE.match(a)]
    mentioned = [
        match[0] for match in written if match[0].lower() not in ours and not _OFFICE.match(match[0])
    ]
    for found in (theirs, alone, mentioned, to[:1]):
        if found:
            return list(dict.fromkeys(found))[:MOST_RECIPIENTS]
    return []


def standing_out(message: Message, words: str) -> list[str]:
    """The addresses that stand where reports put a recipient, and are not the writer's or ours."""
    ours = _ours(message.headers)
    found = (match for match in ADDRESS.finditer(words) if not _is_id(words, match))
    return [match[0] for match in found if match[0].lower() not in ours and _stands_out(words, match)]


def _ours(head: Headers) -> set[str]:
    """Who writes, and to whom, in lower case."""
    names = ("to", "from", "sender", "return-path")
    return {a.lower() for name in names for a in addresses_in(head.first(name))}


def _told(found: Sequence[re.Match[str]], words: str) -> list[str]:
    """The addresses that stand after the line that announces them, where there is one before any of them."""
    announced = [match.end() for match in _ANNOUNCED.finditer(words)]
    starts = [match.start() for match in found]
    close = (end for end in announced if any(end <= at and len(words[end:at].split()) < 2 for at in starts))
    begin = next(close, announced[-1] if announced else 0)
    after = [match[0] for match in found if announced and match.start() >= begin]
    return after or [match[0] for match in found]


def _is_id(words: str, match: re.Match[str]) -> bool:
    line = words[words.rfind("\n", 0, match.start()) + 1 : match.start()].lower()
    return "message-id" in line or "http" in line.split(" ")[-1]


def _stands_out(words: str, match: re.Match[str]) -> bool:
    """Whether an address stands where reports put a recipient: alone in its line, or before a colon."""
    before = words[words.rfind("\n", 0, match.start()) + 1 : match.start()]
    end = words.find("\n", match.end())
    after = words[match.end() : end if end >= 0 else len(words)]
    if re.fullmatch(r"[45]\d\d(?:[ -][45]\.\d\.\d{1,3})? <", before) and after.startswith(">... "):
        return True
    label = re.fullmatch(
        r"[\s<>*•\"'(\[-]*(?:(?:[\w ]{0,40}(?:to|recipient|address|user|for)|rfc822|"
        r"[\w=;:. ]{0,80}\bsmtp=?);?:?)?[\s<\"'(]*",
        before,
        re.I,
    )
    return label is not None and re.match(r"[>\"')\]]*\s*(?:$|[:;,(<\[.\r-]|on \w{3},)", after) is not None


def pieces_of(words: str, recipients: Sequence[str]) -> list[tuple[str, str]]:
    """Each recipient with the words about them: from their line to the next recipient's."""
    if len(recipients) < 2:
        return [(recipients[0] if recipients else "", words)]
    low = words.lower()
    if all(f"<{who.lower()}>... " in low for who in recipients):
        return _before(words, low, recipients)
    places = sorted((low.find(who.lower()), who) for who in recipients)
    starts = [(low.rfind("\n", 0, max(place, 0)) + 1, who) for place, who in places]
    ends = [start for start, _ in starts[1:]] + [len(words)]
    return [(who, words[start:end]) for (start, who), end in zip(starts, ends, strict=True)]


def _before(words: str, low: str, recipients: Sequence[str]) -> list[tuple[str, str]]:
    """The same for Sendmail's transcripts, which sum up each recipient after what the server said."""
    places = sorted((low.rfind(f"<{who.lower()}>... "), who) for who in recipients)
    ends = [(low + "\n").find("\n", place) for place, _ in places]
    starts = [0, *ends[:-1]]
    asked = [max(start, words.rfind("\n>>> ", start, end)) for start, end in zip(starts, ends, strict=True)]
    return [(who, words[start:end]) for (_, who), start, end in zip(places, asked, ends, strict=True)]


def said_of(words: str, who: str) -> str:
    """What these words say right after this recipient, or nothing."""
    place = words.lower().find(who.lower()) if who else -1
    return paragraph(words[place + len(who) :].lstrip(" >:\t\"'"), 0) if place >= 0 else ""


def paragraph(text: str, start: int) -> str:
    """The text from here to the next empty line."""
    text = text[start : start + 2 * LONGEST_SAID].lstrip()
    return text.partition("\n\n")[0][:LONGEST_SAID]
