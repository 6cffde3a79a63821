"""What a person wrote: the visible text of a reply, without quotes, forwarded parts and signature.

Where the old mail begins is known by mail-parser-reply in a dozen languages, and by what holds in any: quote
marks, the line that introduces them, the head of a forwarded message. Time is bounded: long lines stand
aside, and of a letter of many lines the first ones count.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from mailparser_reply import EmailMessage  # type: ignore[import-untyped]

from nurture.intake.mail.charsets import decoded
from nurture.intake.mail.marks import addresses_in
from nurture.intake.mail.message import Message, Part
from nurture.intake.mail.shown import LONGEST_MARKUP, shown
from nurture.intake.mail.signatures import LANGUAGES, RULE, signature_begins
from nurture.intake.mail.wishes import wish
from nurture.intake.returns import Return

MOST_LINES = 200
"""Of a letter that are looked at; a reply longer than that goes on in the original."""
LONGEST_LINE = 160
"""Characters of a line that can introduce a quote or be part of a signature."""

_QUOTED = re.compile(r"\s*(?:>|\|\s?>)")
_FORWARDED = re.compile(
    r"[-_*=\s>]*(?:(?:begin )?forwarded message|original message|original appointment|"
    r"(?:anfang der )?weitergeleitete[rn]? (?:nachricht|mail)|ursprüngliche nachricht|"
    r"message (?:transféré|transfere|original|d'origine)|mensaje (?:reenviado|original)|"
    r"mensagem (?:encaminhada|original)|messaggio (?:inoltrato|originale)|"
    r"(?:doorgestuurd|oorspronkelijk) bericht|пересылаемое сообщение|исходное сообщение)[-_*=:\s]*",
    re.IGNORECASE,
)
_INTRODUCES = re.compile(r"[^\s@<]+@[^\s@>]+|\d{1,2}[:.]\d{2}|\d{1,4}[./-]\d{1,2}[./-]\d{2,4}")
_LABELLED = re.compile(
    r"[*_ ]{0,3}(?:from|sent|to|cc|subject|date|von|gesendet|an|betreff|datum|de|envoyé|à|objet|"
    r"enviado(?: el)?|"
    r"para|asunto|assunto|fecha|data|da|inviato|a|oggetto|van|verzonden|aan|onderwerp|från|skickat|till|ämne|"
    r"fra|sendt|til|emne|lähettäjä|lähetetty|aihe|od|wysłano|do|temat|odesláno|komu|předmět|от|отправлено|"
    r"кому|тема|дата|kimden|gönderildi|kime|konu|feladó|küldve|címzett|tárgy)[*_ ]{0,3}:[*_ ]{0,3}\S",
    re.IGNORECASE,
)
"""A line of the head of a message, as mail programs write it over the old mail."""


class Visible(NamedTuple):
    """What a person wrote: `text`, and the `signature` below it. `is_sure`: no head of old mail stands above
    it, below which nothing is marked as a quote, so that nobody can say whose words they are."""

    text: str
    signature: str
    is_sure: bool = True


LONGEST_WORDS = 200
"""Characters of the line that tells people what a reply is about."""
MOST_CONTACTED = 50
"""Recipients of one letter of a colleague's that are looked at."""

_STOPPING = re.compile(r"u\+[^@]{1,60}@.+", re.IGNORECASE)
_COPIED = re.compile(r"s\+[^@]{1,60}@.+", re.IGNORECASE)
_FOR = re.compile(r"\bfor\s+<([^<>\s]{3,320})>")
_RECIPIENTS = (
    "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "to", "cc", "bcc",
)  # fmt: skip
_PERHAPS = "may ask for no more mail: please read it"


def read_reply(message: Message) -> Return:
    """What a person wrote to us: replied, or unsubscribed where that is all it says.

    Mail to an address that unsubscribes says so whatever it holds (RFC 2369). What a list or nobody sent is
    kept as other.
    """
    sender = next(addresses_in(message.headers.spoken("from")), "")
    told = Return("", "other", addresses=(sender,) if sender else (), recipient=sender)
    if any(_STOPPING.fullmatch(address) for address in sent_to(message)):
        return told._replace(kind="unsubscribed")
    text, _, is_sure = visible(letter_of(message), message.headers.spoken("from"))
    subject = message.headers.spoken("subject")[:LONGEST_WORDS]
    if not sender or message.headers.first("list-id") or not (text or subject):
        return told
    asks = wish(text or subject)
    if asks == "stop" and is_sure:
        return told._replace(kind="unsubscribed", text=text or subject, words=subject)
    return told._replace(kind="replied", text=text or subject, words=_PERHAPS if asks else subject)


def read_copies(message: Message) -> list[Return]:
    """What a colleague wrote to somebody, if this is a copy sent to `s+...@`: contacted, once a recipient.

    Whether that address is the right one, and `by` a colleague, is not known here.
    """
    copied = [address for address in sent_to(message) if _COPIED.fullmatch(address)]
    by = next(addresses_in(message.headers.spoken("from")), "")
    if not copied or not by:
        return []
    named = [
        address.lower()
        for name in ("to", "cc")
        for value in message.headers.every(name)
        for address in addresses_in(value)
        if address not in copied
    ]
    return [
        Return("", "contacted", marks=tuple(copied), addresses=(address,), recipient=address, by=by.lower())
        for address in list(dict.fromkeys(named))[:MOST_CONTACTED]
    ]


def sent_to(message: Message) -> list[str]:
    """Where servers say the message was delivered to, and whom it names: the hidden recipient among them."""
    found = [match for value in message.headers.every("received") for match in _FOR.findall(value)]
    for name in (
        "delivered-to",
        "x-original-to",
        "envelope-to",
        "x-envelope-to",
        "x-delivered-to",
        "to",
        "cc",
        "bcc",
    ):
        for value in message.headers.every(name):
            found += addresses_in(value)
    return found


def visible(letter: str, sender: str = "") -> Visible:
    """The part of a letter that its writer wrote now. `sender`: their name or address, if it is known."""
    lines = letter.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").split("\n")
    lines = [line.rstrip() for line in lines[:MOST_LINES]]
    unquoted, is_sure = _unquoted(lines)
    own = _without_blank_ends(unquoted)
    cut = signature_begins(own, sender)
    text, signature = own[:cut], own[cut:]
    return Visible(_joined(_without_rules(text)), _joined(_without_rules(signature)), is_sure)


def letter_of(message: Message) -> str:
    """The letter as text: its plain parts, or what its HTML shows, where quotes keep their marks."""
    own = [part for part in message.own if not part.headers.first("content-disposition").startswith("attach")]
    plain = "\n".join(part.text for part in own if part.type == "text/plain")
    if plain.strip():
        return plain
    return "\n".join(shown(_markup(part)) for part in own if part.type == "text/html")


def _markup(part: Part) -> str:
    return decoded(part.body[: 4 * LONGEST_MARKUP], part.headers.parameter("charset"))


# Quotes and forwarded parts ---------------------------------------------------------------------------


def _unquoted(lines: Sequence[str]) -> tuple[list[str], bool]:
    """The lines that are no old mail, and whether that is sure (`Visible`)."""
    introductions = _introductions(lines)
    kept: list[str] = []
    is_sure = True
    place = 0
    while place < len(lines):
        end = introductions.get(place)
        if _FORWARDED.fullmatch(lines[place]) or (end is not None and not _goes_on(lines, end, kept)):
            break
        if end is not None:
            is_sure = is_sure and _is_marked_below(lines, end)
            place = end
        else:
            if not _QUOTED.match(lines[place]):
                kept.append(lines[place])
            place += 1
    return kept, is_sure


def _goes_on(lines: Sequence[str], end: int, kept: Sequence[str]) -> bool:
    """Whether the writer's own words may follow an introduction: marked quotes stand below it, or nothing
    of their own above."""
    return _is_marked_below(lines, end) or not any(line.strip() for line in kept)


def _is_marked_below(lines: Sequence[str], end: int) -> bool:
    below = next((line for line in lines[end:] if line.strip()), "")
    return _QUOTED.match(below) is not None


def _introductions(lines: Sequence[str]) -> dict[int, int]:
    """Where lines stand that introduce old mail, and the line after each."""
    found = dict(_known_introductions(lines))
    for place, line in enumerate(lines):
        start = _introduction_above(lines, place) if _QUOTED.match(line) else None
        if start is not None and not any(begin <= start < end for begin, end in found.items()):
            found[start] = place
        if _is_head(lines, place):
            found.setdefault(place, place + 1)
    return found


def _is_head(lines: Sequence[str], place: int) -> bool:
    """Whether the head of a message stands here: lines that name who, when and what, in any language."""
    return all(_LABELLED.match(line) for line in lines[place : place + 2]) and place + 1 < len(lines)


def _known_introductions(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Those that mail-parser-reply knows. Quoted ones are quotes anyway."""
    text = "\n".join(_aside(line) for line in lines)
    for match in _header().finditer(text):
        start = text.count("\n", 0, match.start() + len(match[0]) - len(match[0].lstrip()))
        end = text.count("\n", 0, match.start() + len(match[0].rstrip())) + 1
        if not _QUOTED.match(lines[start]):
            yield start, end


@cache
def _header() -> re.Pattern[str]:
    pattern: re.Pattern[str] = EmailMessage("", languages=list(LANGUAGES)).HEADER_REGEX
    return pattern


def _aside(line: str) -> str:
    """A line as the library reads it; long ones introduce nothing and cost its patterns much time."""
    return line.strip(" \t-") if len(line) <= LONGEST_LINE else "\ufffc"


def _introduction_above(lines: Sequence[str], quote: int) -> int | None:
    """Where the introduction of the quote at this line begins, in any language: it ends with a colon and
    holds an address, a date or an hour."""
    end = quote
    while end and not lines[end - 1].strip():
        end -= 1
    if not end or _QUOTED.match(lines[end - 1]) or not lines[end - 1].rstrip(" *_").endswith((":", "：")):
        return None
    for start in range(end - 1, max(end - 4, -1), -1):
        if not lines[start].strip() or _QUOTED.match(lines[start]) or len(lines[start]) > LONGEST_LINE:
            return None
        if _begins_introduction(" ".join(lines[start:end])):
            return start
    return None


def _begins_introduction(text: str) -> bool:
    return len(text) <= 2 * LONGEST_LINE and len(_INTRODUCES.findall(text)) >= 2


def _without_blank_ends(lines: list[str]) -> list[str]:
    while lines and not lines[0].strip():
        lines = lines[1:]
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def _without_rules(lines: list[str]) -> list[str]:
    """Without the lines at the end that only rule off what came after."""
    while lines and (not lines[-1].strip() or RULE.fullmatch(lines[-1])):
        lines = lines[:-1]
    return lines


def _joined(lines: Sequence[str]) -> str:
    """The lines as text: two blank ones at most, where a quote was taken out."""
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).strip("\n").rstrip()
