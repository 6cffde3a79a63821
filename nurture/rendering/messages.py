"""One message for one recipient."""

import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from jinja2 import Template as Compiled

from nurture.core.programme import Sender, Site
from nurture.rendering.pieces import SENDER, Template
from nurture.rendering.plaintext import tidy
from nurture.rendering.problems import CannotRender, MissingValue, UnfitValue

LONGEST_VALUE = 2_000
LONGEST_LIST = 100
LARGEST_NUMBER = 10**18
LONGEST_MESSAGE = 1_000_000


class Rendered(NamedTuple):
    """A message's words. The subject is one line without control characters."""

    subject: str
    html: str
    text: str


def render(
    template: Template,
    prospect: Mapping[str, Any],
    *,
    sender: Sender,
    site: Site,
    link: Callable[[int], str],
    unsubscribe_url: str,
) -> Rendered:
    """The piece for this prospect.

    `prospect` maps attributes to text, numbers, yes or no, dates or lists of those; a blank text is as good
    as none. `link(n)` is asked once for each link of the template. Raises MissingValue where a needed
    attribute is not known, UnfitValue where one cannot be written, CannotRender if no subject is left.
    """
    known: dict[str, Any] = {
        **for_everyone(template, sender, site),
        "prospect": of_prospect(template, prospect),
        "unsubscribe_url": unsubscribe_url,
    }
    known["subject"] = subject = one_line(filled(template.subject, known))
    if not subject:
        raise CannotRender("nothing is left of the subject")
    known["preheader"] = one_line(filled(template.preheader, known))
    for number in range(1, len(template.links) + 1):
        known[f"link_{number}"] = link(number)
    return Rendered(subject, filled(template.html, known), tidy(filled(template.text, known)) + "\n")


def for_everyone(template: Template, sender: Sender, site: Site) -> dict[str, Any]:
    """The values that are the same in every message of a piece."""
    return {
        "sender": {name: getattr(sender, name) for name in SENDER},
        "site": {"url": site.url},
        "piece": {"title": template.title},
    }


def of_prospect(template: Template, prospect: Mapping[str, Any]) -> dict[str, Any]:
    """What the piece mentions and is known, each fit to enter. Raises MissingValue, UnfitValue."""
    values = {name: fit(name, prospect[name]) for name in template.mentions if name in prospect}
    values = {name: value for name, value in values.items() if value is not None}
    for name in template.uses:
        if name not in values:
            raise MissingValue(name)
    return values


def filled(template: Compiled, known: dict[str, Any]) -> str:
    """The template with its values. Raises CannotRender where loops make it grow beyond all measure."""
    parts, room = list[str](), LONGEST_MESSAGE
    for part in template.root_render_func(template.new_context(known)):
        room -= len(part)
        if room < 0:
            raise CannotRender(f"the message grows beyond {LONGEST_MESSAGE:,} characters")
        parts.append(part)
    return "".join(parts)


def fit(name: str, value: Any) -> Any:
    """A value as it may enter a message: plain data, of bearable length, each text one printable line.

    None stands for a value that is not there. Raises UnfitValue.
    """
    if isinstance(value, (list, tuple, set, frozenset)):
        if len(value) > LONGEST_LIST:
            raise UnfitValue(name, f"has {len(value):,} entries; {LONGEST_LIST} are the most")
        ordered = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        entries = [fit_one(name, entry) for entry in ordered]
        return [entry for entry in entries if entry is not None]
    return fit_one(name, value)


def fit_one(name: str, value: Any) -> Any:
    """The same for what is no list."""
    if isinstance(value, str):
        if len(value) > LONGEST_VALUE:
            raise UnfitValue(name, f"has {len(value):,} characters; {LONGEST_VALUE:,} are the most")
        return one_line(value) or None
    if isinstance(value, int) and abs(value) >= LARGEST_NUMBER:
        raise UnfitValue(name, "is too large a number")
    if value is None or isinstance(value, (bool, int, float, date)):
        return value
    raise UnfitValue(name, f"is a {type(value).__name__}, not text, number, date or list")


def one_line(text: str) -> str:
    """A text without line breaks, control characters and signs that turn the direction of what follows.

    Nothing if nothing of it can be seen.
    """
    if not text.isprintable():
        text = "".join(_printable(sign) for sign in text)
        if not any(sign.isprintable() and not sign.isspace() for sign in text):
            return ""
    return " ".join(text.split())


def _printable(sign: str) -> str:
    """The sign, or what stands for it: joiners, which scripts and emoji need, stay."""
    category = unicodedata.category(sign)
    if category in ("Cc", "Zl", "Zp", "Zs"):
        return " "
    if category == "Cs":
        return "\ufffd"
    if category == "Cf":
        return sign if sign in "\u200c\u200d\u200e\u200f\u00ad" or sign >= "\U000e0000" else ""
    return sign
