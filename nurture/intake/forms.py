"""A form of our pages: what was typed in -> what was heard, or which field is wrong.

Pure. A form names its fields and the attributes they fill; `email` is always there and says who it is.
The person is found by the address typed in and by nothing else, because mails are forwarded.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import NamedTuple
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email

from nurture.core.facts import FormSent, Learned, Scalar
from nurture.core.programme import Attribute, Form

EMAIL = "email"
CONSENT = "consent"
HONEYPOT = "homepage"
"""A field that people do not see. Whoever fills it in is a program."""

MOST_TEXT = 1_000
_MOST_ADDRESS = 254
_YES = frozenset({"1", "on", "true", "yes", "y", "ja", "oui", "si"})
_NO = frozenset({"0", "off", "false", "no", "n", "nein", "non"})


class Heard(NamedTuple):
    """A form that can be read. Personal values are apart: they go to the person's row and nowhere else."""

    address: str
    learned: Learned
    personal: Mapping[str, Scalar]
    sent: FormSent
    consented: bool
    by_program: bool


class Problem(NamedTuple):
    """A field and what is wrong with it, as one sentence for the person who typed it."""

    field: str
    says: str


def read_form(
    form: Form, attributes: Mapping[str, Attribute], typed: Iterable[tuple[str, str]]
) -> Heard | tuple[Problem, ...]:
    """What was heard, or every problem. `typed` are the pairs of the body, in order; others are ignored."""
    texts: dict[str, list[str]] = {}
    for name, text in typed:
        texts.setdefault(name, []).append(clean(text))
    problems: list[Problem] = []
    address = normal_address(" ".join(texts.get(EMAIL, [])))
    if address is None:
        problems.append(Problem(EMAIL, "This is not an e-mail address. Write it like name@example.com."))
    values: dict[str, Scalar] = {}
    for name, attribute in form.fields.items():
        given = [text for text in texts.get(name, []) if text]
        if not given:
            continue
        try:
            values[name] = read_value(attributes[attribute], given)
        except ValueError as error:
            problems.append(Problem(name, str(error)))
    if problems or address is None:
        return tuple(problems)
    return Heard(
        address,
        *_sorted_out(form, attributes, values),
        consented=bool(form.consent) and any(_is_yes(text) for text in texts.get(CONSENT, [])),
        by_program=HONEYPOT not in form.fields and any(texts.get(HONEYPOT, [])),
    )


def normal_address(text: str) -> str | None:
    """An e-mail address as it is stored: lower case, the domain in its ASCII form. None if it is none."""
    text = text.strip()
    if not text or len(text) > _MOST_ADDRESS:
        return None
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return f"{found.local_part}@{found.ascii_domain}".lower()


def read_value(attribute: Attribute, texts: list[str]) -> Scalar:
    """One attribute's value from what was typed. Raises ValueError with a sentence for the person."""
    if any(len(text) > MOST_TEXT for text in texts):
        raise ValueError(f"This is too long: at most {MOST_TEXT:,} characters fit.")
    reader = _READERS.get(attribute.type)
    return reader(attribute, texts) if reader else texts[0]


def clean(text: str) -> str:
    """Typed text without control characters, which no field needs and PostgreSQL refuses."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def _sorted_out(
    form: Form, attributes: Mapping[str, Attribute], values: Mapping[str, Scalar]
) -> tuple[Learned, Mapping[str, Scalar], FormSent]:
    by_attribute = {form.fields[name]: value for name, value in values.items()}
    personal = {name: value for name, value in by_attribute.items() if attributes[name].personal}
    plain = {name: value for name, value in by_attribute.items() if name not in personal}
    answers = {name: value for name, value in values.items() if form.fields[name] in plain}
    learned = Learned(plain, tuple(sorted(personal)), f"form {form.name}")
    return learned, personal, FormSent(form.name, answers)


def _is_yes(text: str) -> bool:
    return text.casefold() in _YES


def _number(attribute: Attribute, texts: list[str]) -> float:
    try:
        number = float(texts[0].replace(" ", "").replace(",", ""))
    except ValueError:
        number = float("nan")
    if not abs(number) < 1e15:
        raise ValueError("This is not a number. Write digits, like 250.")
    return number


def _flag(attribute: Attribute, texts: list[str]) -> bool:
    text = texts[-1].casefold()
    if text not in _YES | _NO:
        raise ValueError("Answer yes or no.")
    return text in _YES


def _date(attribute: Attribute, texts: list[str]) -> str:
    try:
        return date.fromisoformat(texts[0]).isoformat()
    except ValueError:
        raise ValueError("This is not a date. Write year, month and day, like 2026-03-02.") from None


def _choice(attribute: Attribute, texts: list[str]) -> str:
    return _one_of(attribute, texts[0])


def _list(attribute: Attribute, texts: list[str]) -> tuple[str, ...]:
    parts = [part.strip() for text in texts for part in text.split(",")]
    return tuple(dict.fromkeys(_one_of(attribute, part) for part in parts if part))


def _one_of(attribute: Attribute, text: str) -> str:
    if not attribute.values:
        return text
    for value in attribute.values:
        if value.casefold() == text.casefold():
            return value
    raise ValueError(f"Choose one of: {', '.join(attribute.values)}.")


def _zone(attribute: Attribute, texts: list[str]) -> str:
    if texts[0] not in available_timezones():
        raise ValueError("This is not a time zone. Write it like Europe/London.")
    return texts[0]


def _country(attribute: Attribute, texts: list[str]) -> str:
    code = texts[0].upper()
    if not (len(code) == 2 and code.isascii() and code.isalpha()):
        raise ValueError("Write the country as two letters, like GB.")
    return code


_READERS: Mapping[str, Callable[[Attribute, list[str]], Scalar]] = {
    "number": _number,
    "flag": _flag,
    "date": _date,
    "choice": _choice,
    "list": _list,
    "zone": _zone,
    "country": _country,
}
