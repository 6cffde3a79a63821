"""A form of our pages: what was typed in -> what was heard, or which field is wrong.

Pure. A form names its fields and the attributes they fill; `email` is always there and says who it is.
The person is found by the address typed in and by nothing else, because mails are forwarded.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nurture.core.facts import FormSent, Learned, Scalar
from nurture.core.programme import Attribute, Form
from nurture.intake.addresses import NoAddress, normalise
from nurture.intake.values import LONGEST_TEXT, YES, Habits, Unreadable, read_value

EMAIL = "email"
CONSENT = "consent"
HONEYPOT = "homepage"
"""A field that people do not see. Whoever fills it in is a program."""
VISITOR = "visitor"
"""A field that the page's script adds: which browser, where the person agreed to that (docs/site.md)."""

_VISITOR = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)

_HABITS = Habits(decimal=".")
_CHECKED = {"on": "yes", "off": "no"}
"""What browsers send for a ticked box."""

_SAYS = {
    "number": "This is not a number. Write digits, like 250.",
    "flag": "Answer yes or no.",
    "date": "This is not a date. Write year, month and day, like 2026-03-02.",
    "zone": "This is not a time zone. Write it like Europe/London.",
    "country": "This is not a country. Write its two letters, like GB.",
}


class Heard(NamedTuple):
    """A form that can be read. Personal values are apart: they go to the person's row and nowhere else."""

    address: str
    learned: Learned
    personal: Mapping[str, Scalar]
    sent: FormSent
    consented: bool
    by_program: bool
    visitor: str = ""


class Problem(NamedTuple):
    """A field and what is wrong with it, as one sentence for the person who typed it."""

    field: str
    says: str


class Refused(NamedTuple):
    """A form that cannot be read, with every reason."""

    problems: tuple[Problem, ...]


def read_form(
    form: Form, attributes: Mapping[str, Attribute], typed: Iterable[tuple[str, str]]
) -> Heard | Refused:
    """What was heard, or what is wrong. `typed` are the pairs of the body, in order; others are ignored."""
    texts: dict[str, list[str]] = {}
    for name, text in typed:
        texts.setdefault(name, []).append(clean(text))
    problems: list[Problem] = []
    address = _address(" ".join(texts.get(EMAIL, [])))
    if address is None:
        problems.append(Problem(EMAIL, "This is not an e-mail address. Write it like name@example.com."))
    values: dict[str, Scalar] = {}
    for name, attribute in form.fields.items():
        given = [text for text in texts.get(name, []) if text]
        if not given:
            continue
        try:
            values[name] = _value(attributes[attribute], given)
        except Unreadable:
            problems.append(Problem(name, _says(attributes[attribute])))
    if problems or address is None:
        return Refused(tuple(problems))
    return Heard(
        address,
        *_sorted_out(form, attributes, values),
        consented=bool(form.consent) and any(_ticked(text) for text in texts.get(CONSENT, [])),
        by_program=HONEYPOT not in form.fields and any(texts.get(HONEYPOT, [])),
        visitor="" if VISITOR in form.fields else read_visitor((texts.get(VISITOR) or [""])[-1]),
    )


def read_visitor(text: str) -> str:
    """A browser's number as our script makes it, 128 random bits in base64url; empty for anything else."""
    return text if _VISITOR.fullmatch(text) else ""


def clean(text: str) -> str:
    """Typed text without control characters, which no field needs and PostgreSQL refuses."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def _address(text: str) -> str | None:
    try:
        return normalise(text)
    except NoAddress:
        return None


def _sorted_out(
    form: Form, attributes: Mapping[str, Attribute], values: Mapping[str, Scalar]
) -> tuple[Learned, Mapping[str, Scalar], FormSent]:
    by_attribute = {form.fields[name]: value for name, value in values.items()}
    personal = {name: value for name, value in by_attribute.items() if attributes[name].personal}
    plain = {name: value for name, value in by_attribute.items() if name not in personal}
    answers = {name: value for name, value in values.items() if form.fields[name] in plain}
    learned = Learned(plain, tuple(sorted(personal)), f"form {form.name}")
    return learned, personal, FormSent(form.name, answers)


def _ticked(text: str) -> bool:
    return _CHECKED.get(text.casefold(), text.casefold()) in YES


def _value(attribute: Attribute, texts: list[str]) -> Scalar:
    """Several answers of one name are several items of a list; elsewhere the last one counts."""
    text = ";".join(texts) if attribute.type == "list" else texts[-1]
    if attribute.type == "flag":
        text = _CHECKED.get(text.casefold(), text)
    return read_value(text, attribute, _HABITS)


def _says(attribute: Attribute) -> str:
    if attribute.values:
        return f"Choose one of these: {', '.join(attribute.values)}."
    return _SAYS.get(attribute.type, f"This is too long: at most {LONGEST_TEXT:,} characters fit.")
