"""`nurture prospect` with what lists really hold, and with somebody who is closed."""

import json

from nurture.core.facts import FormSent
from tests.cli.workspace import START, Place

HOSTILE = 'email,source\na@x.example.test,[/red]list\nb@x.example.test,"a\x1b[31m:smile:"\n'
MAP = "email: email\nsource: {column: source}\nkind: content\nbasis: consent\ndate: 2026-10-04\ncolumns: {}\n"


def test_a_table_prints_brackets_as_they_are_and_no_control_characters(place: Place) -> None:
    (place.folder / "odd.csv").write_text(HOSTILE)
    (place.folder / "odd.yaml").write_text(MAP)
    place.ok("import", "prospects", "odd.csv", "--map", "odd.yaml")
    listed = place.ok("prospect", "list").out
    assert "[/red]list" in listed
    assert "[31m:smile:" in listed
    assert "\x1b" not in listed
    assert "\x1b" not in place.ok("prospect", "show", "b@x.example.test").out


def test_a_list_that_is_cut_says_so(people: Place) -> None:
    cut = people.ok("prospect", "list", "--limit", "2", "--json")
    assert len(json.loads(cut.out)) == 2
    assert "more than these 2" in cut.err
    assert "more than" not in people.ok("prospect", "list", "--limit", "3").err


def test_why_says_that_somebody_is_closed(people: Place) -> None:
    people.hear("ada@acme.example", FormSent("demo"), at=START)
    people.ok("handoff", "reject", "1", "not_icp")
    people.ok("wake")
    told = people.ok("why", "ada@acme.example").out
    assert "because closed" in told
    assert "window" not in told
