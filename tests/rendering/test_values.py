"""Values of people go in as they are read, and change nothing but the words."""

import json
import unicodedata
from datetime import UTC, date, datetime
from email.header import Header
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from nurture.rendering import CannotRender, MissingValue
from tests.rendering.workshop import DATA, NO_DATA, compiled, filled, shape, visible

NAUGHTY = DATA / "edge" / "naughty_strings.json"

PIECE = (
    "<p title=\"For {{ prospect.first_name | default('you') }}\">Hello "
    "{{ prospect.first_name | default('there') }}!</p><table><tbody>"
    "{% for t in prospect.tools | default([]) %}<tr><td>{{ t }}</td></tr>{% endfor %}</tbody></table>"
    "<p><a href='/x'>to {{ prospect.first_name | default('it') }}</a></p>"
)


def as_seen(value: str) -> str:
    """An independent reading of what is left of a value: printable signs, single spaces."""
    kept = []
    for sign in value:
        category = unicodedata.category(sign)
        joins = sign in "\u200c\u200d\u200e\u200f\u00ad" or ord(sign) >= 0xE0000
        if category[0] == "Z" or category == "Cc":
            kept.append(" ")
        elif category != "Cf" or joins:
            kept.append("\ufffd" if category == "Cs" else sign)
    seen = " ".join("".join(kept).split())
    return seen if any(unicodedata.category(sign) not in ("Cf", "Co", "Cn", "Zs") for sign in seen) else ""


@pytest.mark.skipif(not NAUGHTY.exists(), reason=NO_DATA)
def test_naughty_strings_change_nothing_but_words() -> None:
    piece = compiled(
        PIECE, ext="html", subject="For {{ prospect.first_name | default('you') }}",
        preheader="Dear {{ prospect.first_name | default('you') }}",
    )  # fmt: skip
    strings = json.loads(NAUGHTY.read_text(encoding="utf-8"))
    assert len(strings) > 500
    plain = shape(filled(piece, {"first_name": "Anna", "tools": ["a", "b"]}).html)
    for value in strings:
        seen = as_seen(value)
        message = filled(piece, {"first_name": value, "tools": [value if seen else "x", "b"]})
        assert shape(message.html) == plain, value
        assert f"Hello {seen or 'there'}!" in message.text, value
        assert message.subject == f"For {seen or 'you'}", value
        title = LexborHTMLParser(message.html).css_first("p[title]")
        assert title is not None and title.attributes["title"] == f"For {seen or 'you'}", value
        assert f"Hello {' '.join((seen or 'there').split())}!" in visible(message.html), value
        for part in message:
            part.encode("utf-8")


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("Bo\r\nBcc: x@evil.example", "Bo Bcc: x@evil.example"),
        ("Bo\nLine", "Bo Line"),
        ("Bo\x00\x07\x1b[2J", "Bo [2J"),
        ("Bo\u2028and\u2029on\x85", "Bo and on"),
        ("\u202eoB\u202c", "oB"),
        ("\ufeffBo\u200b", "Bo"),
        ("  Bo \t\u00a0 Li ", "Bo Li"),
        ("\ud800Bo", "\ufffdBo"),
        ("Zoë 👩\u200d🚀", "Zoë 👩\u200d🚀"),
        ("نرگس\u200cها", "نرگس\u200cها"),
    ],
)
def test_a_value_is_one_printable_line(value: str, seen: str) -> None:
    message = filled(compiled("{{ prospect.a }}", subject="{{ prospect.a }}"), {"a": value})
    assert message.subject == seen
    assert message.text.startswith(f"{seen}\n")
    assert visible(message.html).startswith(seen)
    assert "\n" not in Header(message.subject, "utf-8").encode(linesep="\n", maxlinelen=0)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (50.0, "50"), (12.5, "12.5"), (0, "0"), (7, "7"), (True, "yes"), (False, "no"),
        (date(2026, 3, 2), "2 March 2026"), (datetime(2026, 3, 2, 8, 5, tzinfo=UTC), "2 March 2026, 08:05"),
        (["a", "b"], "a, b"), (("a", None, " "), "a"), ({"b", "a"}, "a, b"), ([1, 2.0], "1, 2"),
    ],
)  # fmt: skip
def test_values_are_written_as_people_write_them(value: Any, written: str) -> None:
    assert filled(compiled("It is {{ prospect.a }}."), {"a": value}).text.startswith(f"It is {written}.\n")


@pytest.mark.parametrize("value", [None, "", "  ", "\u200b", "\u200d", "\x00"])
def test_a_blank_value_is_no_value(value: str | None) -> None:
    with pytest.raises(MissingValue) as missing:
        filled(compiled("Hi {{ prospect.first_name }}"), {"first_name": value})
    assert missing.value.attribute == "first_name"
    piece = compiled(
        "Hi {{ prospect.first_name | default('there') }}{% if prospect.first_name is none %}.{% endif %}"
    )
    assert filled(piece, {"first_name": value}).text.startswith("Hi there.\n")


def test_zero_and_no_are_values() -> None:
    piece = compiled("{{ prospect.n }} {{ prospect.f }} {% if prospect.n is defined %}known{% endif %}")
    assert filled(piece, {"n": 0, "f": False}).text.startswith("0 no known\n")


def test_a_subject_of_which_nothing_is_left() -> None:
    piece = compiled("Hi", subject="{% if prospect.a %}{{ prospect.a }}{% endif %}")
    with pytest.raises(CannotRender, match="subject"):
        filled(piece, {})


def test_the_entry_that_is_not_in_the_list() -> None:
    piece = compiled("{{ prospect.tools[1] | default('none') }} {{ prospect.tools[1] }}")
    assert filled(piece, {"tools": ["a", "b"]}).text.startswith("b b\n")
    with pytest.raises(MissingValue):
        filled(piece, {"tools": ["a"]})


def test_filters_and_tests_that_are_allowed_work() -> None:
    body = (
        "{{ prospect.s | upper }} {{ prospect.s | title }} {{ prospect.n | round(1) }} "
        "{{ prospect.l | join('; ') }} {{ prospect.l | length }} {{ prospect.l | first }} "
        "{{ prospect.l | last }} {{ prospect.s | replace('b', 'x') }} "
        "{{ 'in' if 'a' in prospect.l else 'out' }} {{ 'is' if prospect.s is equalto 'a b' else 'not' }} "
        "{{ 'big' if prospect.n > 2 and not prospect.n >= 4 else 'small' }}"
    )
    message = filled(compiled(body), {"s": "a b", "n": 3.14159, "l": ["a", "b"]})
    assert message.text.startswith("A B A B 3.1 a; b 2 a b a x in is big\n")
