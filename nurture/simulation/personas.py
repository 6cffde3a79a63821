"""Six kinds of people for the demo: what they do with a message, and when, by nothing but a seed.

A persona gets the raw message, as its mail reader would, finds the links, and plans acts: follow a link,
read on, fill in a form, unsubscribe. Chance is HMAC(seed, Message-ID), so two runs with one seed are
equal, and an act does not depend on what others do.
"""

import hmac
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from email import message_from_bytes
from hashlib import sha256
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser

_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
BROWSER = f"{_WINDOWS} Chrome/129.0 Safari/537.36"
SCANNER = f"{_WINDOWS} Chrome/120.0 Safari/537.36"
"""A scanner says that it is a browser; only its haste gives it away."""


class Person(NamedTuple):
    """Somebody in the demo."""

    address: str
    persona: str
    attributes: Mapping[str, str]
    network: str
    """The address their requests come from."""


class Act(NamedTuple):
    """One thing somebody does, at an instant.

    follow a link and read the page it leads to; fetch or head a link without a browser; view a page of
    the site; send a form; confirm a consent; unsubscribe; answer a handoff (`url` is the answer).
    """

    at: datetime
    person: str
    kind: str  # follow, fetch, head, view, form, confirm, unsubscribe, answer
    url: str
    fields: Mapping[str, str] = {}
    agent: str = BROWSER
    network: str = "203.0.113.1"


class Letter(NamedTuple):
    """A message as its reader sees it."""

    id: str
    links: tuple[str, ...]  # of the text, in order, without the unsubscribe link
    unsubscribe: str
    subject: str
    confirm: str = ""  # where it asks whether a consent was theirs


class Dice:
    """Chance from a seed and a message: the same name gives the same number between 0 and 1."""

    def __init__(self, seed: int, message: str) -> None:
        self._key = f"{seed}|{message}".encode()

    def __call__(self, name: str) -> float:
        """A number in [0, 1) for this name."""
        digest = hmac.digest(self._key, name.encode(), sha256)
        return int.from_bytes(digest[:7], "big") / 2**56


def read(raw: bytes) -> Letter:
    """The message's links and its one-click address."""
    message = message_from_bytes(raw)
    html = next((part for part in message.walk() if part.get_content_type() == "text/html"), message)
    markup = html.get_payload(decode=True)
    tree = LexborHTMLParser(markup.decode() if isinstance(markup, bytes) else "")
    unsubscribe = str(message["List-Unsubscribe"] or "").split(">")[0].lstrip("<")
    targets = [node.attributes.get("href") or "" for node in tree.css("a[href]")]
    confirm = next((href for href in targets if "/y/" in href), "")
    links = dict.fromkeys(href for href in targets if "/c/" in href)
    return Letter(str(message["Message-ID"]), tuple(links), unsubscribe, str(message["Subject"]), confirm)


def plan(person: Person, letter: Letter, now: datetime, dice: Dice) -> list[Act]:
    """What this person will do about this message, in order of time."""
    if letter.confirm:
        return [_answer_to_question(person, letter, now, dice)]
    return sorted(_PERSONAS[person.persona](person, letter, now, dice), key=lambda act: act.at)


_Plan = Callable[[Person, Letter, datetime, Dice], Iterator[Act]]


def _follow(person: Person, letter: Letter, at: datetime, dice: Dice, *, most: int) -> Iterator[Act]:
    """Open the links one after another, a minute or two apart."""
    for number, link in enumerate(letter.links[:most]):
        wait = timedelta(seconds=60 * number + 90 * dice(f"read {number}"))
        yield Act(at + wait, person.address, "follow", link, network=person.network)


def _form(person: Person, at: datetime) -> Act:
    """The demo form, filled in."""
    asked = ("first_name", "last_name", "company", "role", "employees")
    known = {name: person.attributes[name] for name in asked if person.attributes.get(name)}
    fields = {"email": person.address, **known, "consent": "yes"}
    return Act(at, person.address, "form", "demo", fields, network=person.network)


def _answer_to_question(person: Person, letter: Letter, now: datetime, dice: Dice) -> Act:
    """Who has just ticked a box looks for the mail that asks, and says that it was them."""
    at = _later(now, dice, "confirm", 0.02, 0.5)
    return Act(at, person.address, "confirm", letter.confirm, network=person.network)


def _later(now: datetime, dice: Dice, name: str, least: float, most: float) -> datetime:
    """An instant between `least` and `most` hours from now."""
    return now + timedelta(hours=least + (most - least) * dice(name))


def _evaluator(person: Person, letter: Letter, now: datetime, dice: Dice) -> Iterator[Act]:
    """Has the problem now: reads most things, looks at prices, sometimes asks for a demo."""
    if dice("interest") > 0.85:
        return
    at = _later(now, dice, "when", 0.5, 9)
    yield from _follow(person, letter, at, dice, most=2)
    if dice("price") < 0.45:
        yield Act(at + timedelta(minutes=6), person.address, "view", "/pricing", network=person.network)
    if dice("compare") < 0.3:
        yield Act(
            at + timedelta(minutes=9), person.address, "view", "/vs/spreadsheets", network=person.network
        )
    if dice("demo") < 0.06:
        yield _form(person, at + timedelta(minutes=14))


def _researcher(person: Person, letter: Letter, now: datetime, dice: Dice) -> Iterator[Act]:
    """Reads for weeks before looking at a price."""
    if dice("interest") > 0.55:
        return
    at = _later(now, dice, "when", 2, 40)
    yield from _follow(person, letter, at, dice, most=1)
    if dice("price") < 0.12:
        yield Act(at + timedelta(minutes=4), person.address, "view", "/pricing", network=person.network)
    if dice("security") < 0.06:
        yield Act(at + timedelta(minutes=8), person.address, "view", "/security", network=person.network)


def _skimmer(person: Person, letter: Letter, now: datetime, dice: Dice) -> Iterator[Act]:
    """Rarely opens anything."""
    if dice("interest") < 0.08:
        yield from _follow(person, letter, _later(now, dice, "when", 1, 60), dice, most=1)


def _leaver(person: Person, letter: Letter, now: datetime, dice: Dice) -> Iterator[Act]:
    """Has had enough soon, and says so with the mail program's own button."""
    if dice("enough") < 0.4:
        at = _later(now, dice, "when", 0.2, 20)
        yield Act(at, person.address, "unsubscribe", letter.unsubscribe, network=person.network)


def _scanner(person: Person, letter: Letter, now: datetime, dice: Dice) -> Iterator[Act]:
    """Nobody reads this mailbox; a security gateway follows every link, and the unsubscribe link, at once."""
    at = now + timedelta(seconds=1 + 20 * dice("when"))
    for number, link in enumerate((*letter.links, letter.unsubscribe)):
        wait = timedelta(milliseconds=150 * number)
        kind = "head" if dice("how") < 0.3 else "fetch"
        yield Act(at + wait, person.address, kind, link, agent=SCANNER, network=person.network)


def _student(person: Person, letter: Letter, now: datetime, dice: Dice) -> Iterator[Act]:
    """Reads everything, looks at every page, and can never buy."""
    at = _later(now, dice, "when", 0.5, 12)
    yield from _follow(person, letter, at, dice, most=3)
    if dice("price") < 0.6:
        yield Act(at + timedelta(minutes=6), person.address, "view", "/pricing", network=person.network)
    if dice("demo") < 0.1:
        yield _form(person, at + timedelta(minutes=12))


_PERSONAS: Mapping[str, _Plan] = {
    "evaluator": _evaluator,
    "researcher": _researcher,
    "skimmer": _skimmer,
    "leaver": _leaver,
    "scanner": _scanner,
    "never-buyer": _student,
}
