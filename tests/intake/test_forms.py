"""What was typed into a form -> what was heard, or which field is wrong."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.core.facts import FormSent, Learned
from nurture.core.programme import Attribute, Form
from nurture.intake.forms import Heard, Problem, Refused, read_form

NAUGHTY = Path(__file__).parents[2].parent / "shared" / "data" / "edge" / "naughty_strings.json"

ATTRIBUTES = {
    "first_name": Attribute("first_name", "text", personal=True),
    "role": Attribute("role", "choice", values=("vp", "analyst")),
    "employees": Attribute("employees", "number"),
    "systems": Attribute("systems", "list"),
    "customer": Attribute("customer", "flag"),
    "starts": Attribute("starts", "date"),
    "zone": Attribute("zone", "zone"),
    "country": Attribute("country", "country"),
}
DEMO = Form(
    "demo",
    "demo-form",
    "intent",
    {"name": "first_name", "role": "role", "size": "employees", "systems": "systems", "old": "customer",
     "starts": "starts", "zone": "zone", "country": "country"},
    consent="Write to me.",
)  # fmt: skip


def read(*typed, form=DEMO):
    return read_form(form, ATTRIBUTES, typed)


def refused(*typed):
    answer = read(*typed)
    assert isinstance(answer, Refused)
    return answer.problems


def test_personal_values_stand_apart_from_the_facts():
    heard = read(
        ("email", " Ada@Example.COM "), ("name", "Ada"), ("role", "VP"), ("size", "1,200"), ("other", "x")
    )
    assert heard == Heard(
        "ada@example.com",
        Learned({"role": "vp", "employees": 1200.0}, ("first_name",), "form demo"),
        {"first_name": "Ada"},
        FormSent("demo", {"role": "vp", "size": 1200.0}),
        consented=False,
        by_program=False,
    )


def test_all_kinds_of_attributes():
    heard = read(
        ("email", "a@b.example"), ("systems", "sap"), ("systems", "excel"), ("old", "on"),
        ("starts", "2026-03-02"), ("zone", "europe/london"), ("country", "gb"),
    )  # fmt: skip
    assert heard.learned.values == {
        "systems": ("sap", "excel"), "customer": True, "starts": "2026-03-02", "zone": "Europe/London",
        "country": "GB",
    }  # fmt: skip


def test_every_wrong_field_is_named_at_once():
    problems = refused(
        ("email", "nobody"),
        ("size", "many"),
        ("role", "king"),
        ("starts", "03/04/2026"),
        ("name", "x" * 1001),
    )
    assert [problem.field for problem in problems] == ["email", "name", "role", "size", "starts"]
    assert problems[2] == Problem("role", "Choose one of these: vp, analyst.")
    assert all(problem.says.endswith(".") for problem in problems)


def test_an_empty_field_is_not_an_answer():
    heard = read(("email", "a@b.example"), ("role", ""), ("size", "  "))
    assert heard.learned.values == {}
    assert heard.sent.answers == {}


@pytest.mark.parametrize(
    ("typed", "consented"), [("on", True), ("yes", True), ("1", True), ("", False), ("no", False)]
)
def test_consent_is_a_ticked_box(typed, consented):
    assert read(("email", "a@b.example"), ("consent", typed)).consented is consented


def test_a_form_that_asks_no_consent_gets_none():
    silent = Form("guide", "guide", "content", {})
    assert read(("email", "a@b.example"), ("consent", "on"), form=silent).consented is False


def test_who_fills_in_the_hidden_field_is_a_program():
    assert read(("email", "a@b.example"), ("homepage", "http://pills.example")).by_program
    assert not read(("email", "a@b.example"), ("homepage", "")).by_program


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.com\r\nBcc: eve@evil.example",
        "ada@@example.com",
        "ada@localhost",
        "a" * 300 + "@b.example",
        "",
    ],
)
def test_what_is_no_address_is_a_problem_of_that_field(text):
    assert [problem.field for problem in refused(("email", text))] == ["email"]


def test_two_addresses_are_none():
    assert [problem.field for problem in refused(("email", "a@b.example"), ("email", "c@d.example"))] == [
        "email"
    ]


@given(
    st.lists(st.tuples(st.sampled_from(["email", "consent", "homepage", *DEMO.fields]), st.text(max_size=60)))
)
def test_nothing_typed_makes_it_raise(typed):
    answer = read_form(DEMO, ATTRIBUTES, typed)
    assert isinstance(answer, Heard | Refused)


def test_naughty_strings_are_heard_or_refused_and_never_hold_a_control_character():
    if not NAUGHTY.exists():
        pytest.skip("../shared/data/edge is not on this machine")
    strings = json.loads(NAUGHTY.read_text())
    assert len(strings) > 400
    for text in strings:
        heard = read(("email", "a@b.example"), ("name", text))
        if isinstance(heard, Heard):
            assert all(letter.isprintable() for value in heard.personal.values() for letter in value)
