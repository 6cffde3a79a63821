"""A map is read strictly: every slip is named with its place and what to write instead."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from nurture.core.facts import Entered, FormSent, Happened
from nurture.core.programme import Attribute, Form, Programme
from nurture.intake.mapfile import read_map
from nurture.intake.mapping import Map, Refusal
from nurture.store import Listed
from tests.core.build import programme

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HEADER = ("Email", "First", "Role", "Size", "Since", "Mail", "Twice", "Twice", "")
ATTRIBUTES = (
    Attribute("first_name", "text", personal=True),
    Attribute("role", "choice", values=("vp", "clerk")),
    Attribute("employees", "number"),
    Attribute("zone", "zone"),
)
NEEDED = "email: Email\nsource: fair\nbasis: consent\ndate: 2026-02-01\n"


def plan() -> Programme:
    forms = {"guide": Form("guide", "guide", "content", {})}
    return replace(programme(), attributes={one.name: one for one in ATTRIBUTES}, forms=forms)


def read(text: str | bytes, header: tuple[str, ...] = HEADER) -> Map | tuple[str, ...]:
    raw = text.encode() if isinstance(text, str) else text
    found = read_map("map.yaml", raw, header, plan())
    return found if isinstance(found, Map) else tuple(map(str, found))


def hear(map: str, row: str) -> Listed | Refusal:
    found = read(map)
    assert isinstance(found, Map), found
    cells = row.split("|")
    return found.hear(cells + [""] * (len(HEADER) - len(cells)), NOW)


def test_the_least_map() -> None:
    heard = hear(NEEDED, "ada@acme.example")
    entered = Entered("fair", "unknown", "", "consent")
    assert heard == Listed("ada@acme.example", "", entered, date(2026, 2, 1), {}, {}, (), "")


def test_a_whole_map() -> None:
    heard = hear(
        """
email: {column: Email}
source: {column: Role}
kind: content
campaign: spring
basis: {column: Mail}
date: {column: Since}
account: {column: First}
zone: Europe/Paris
columns: {First: first_name, Size: employees, Role: role}
values:
  Role: {Vice-President: vp}
  Mail: {"1": legitimate_interest}
blank: ["?", 0]
dates: month first
decimal: ","
events:
  - {form: demo, when: {Mail: 1}}
  - {form: guide, when: {Mail: 2}}
  - {event: visited, when: {Mail: 1, Size: "1.500"}, at: {column: Since}}
""",
        " ADA@acme.example | Ada |vice-president|1.500|01/02/2026|1",
    )
    assert isinstance(heard, Listed), heard
    assert heard.entered == Entered("vp", "content", "spring", "legitimate_interest")
    assert (heard.account, heard.on) == ("Ada", date(2026, 1, 2))
    assert heard.values == {"role": "vp", "employees": 1500.0, "zone": "Europe/Paris"}
    assert heard.personal == {"first_name": "Ada"}
    assert [event.body for event in heard.events] == [FormSent("demo"), Happened("visited")]
    assert [event.at for event in heard.events] == [None, datetime(2026, 1, 2, tzinfo=UTC)]


@pytest.mark.parametrize("cell", ["?", " ? ", "0", ""])
def test_blank_values_are_unknown(cell: str) -> None:
    map = NEEDED + 'columns: {Size: employees}\nblank: ["?", 0]'
    heard = hear(map, f"ada@acme.example|||{cell}")
    assert isinstance(heard, Listed)
    assert heard.values == {}


def test_every_column_at_fault_is_named() -> None:
    map = NEEDED.replace("2026-02-01", "{column: Since}") + "columns: {Role: role, Size: employees}"
    heard = hear(map, "nobody||king|many|tomorrow")
    assert isinstance(heard, Refusal)
    assert heard.column == "Email; Since; Role; Size"
    assert heard.reason.count("; ") >= 3


@pytest.mark.parametrize(
    ("basis", "reason"),
    [("", "there is no basis"), ("maybe", "'maybe' is no basis"), ("CONSENT", "is no basis")],
)
def test_a_row_without_a_basis_is_refused(basis: str, reason: str) -> None:
    heard = hear(NEEDED.replace("consent", "{column: Mail}"), f"ada@acme.example|||||{basis}")
    assert isinstance(heard, Refusal)
    assert (heard.column, reason in heard.reason) == ("Mail", True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "map.yaml:1:1  is empty"),
        ("- a\n- b\n", "map.yaml:1:1  is a list, not a mapping"),
        ("email: [", "map.yaml:"),
        (b"\xff\xfee\x00", "map.yaml:1:1  is written in UTF-16"),
        (b"email: \xe9", "map.yaml:1:8  is not UTF-8"),
        (b"email: a\0b", "map.yaml:1:9  holds a control character"),
        (b"x" * 2_000_000, "map.yaml:1:1  is larger than"),
        ("a: &a [*a]", "map.yaml:1:"),
        ("[" * 10_000, "map.yaml:1:"),
        ("email: !!python/object/apply:os.system [id]\n", "map.yaml:1:8  the tag"),
        (NEEDED + "email: Email\n", 'map.yaml:5:1  the key "email" stands twice'),
        (NEEDED + "campain: x\n", 'map.yaml:5:1  campain  unknown key "campain"  did you mean "campaign"?'),
        (NEEDED.replace("basis: consent\n", ""), 'map.yaml:1:1  "basis" is missing'),
        (NEEDED.replace("source: fair\n", ""), 'map.yaml:1:1  "source" is missing'),
        (NEEDED.replace("date: 2026-02-01\n", ""), 'map.yaml:1:1  "date" is missing'),
        (
            NEEDED.replace(": Email", ": E-mail"),
            'map.yaml:1:8  email  the list has no column "E-mail"  did you mean "Email"?',
        ),
        (
            NEEDED.replace("consent", "consented"),
            'map.yaml:3:8  basis  "consented" is no basis  did you mean "consent"?',
        ),
        (
            NEEDED.replace("consent", "{column: Nowhere}"),
            'map.yaml:3:17  basis.column  the list has no column "Nowhere"',
        ),
        (
            NEEDED.replace("fair", "{collumn: Email}"),
            'map.yaml:2:10  source.collumn  unknown key "collumn"  did you mean "column"?',
        ),
        (NEEDED.replace("fair", "[fair]"), "map.yaml:2:9  source"),
        (NEEDED.replace("fair", '""'), "map.yaml:2:9  source"),
        (NEEDED.replace("fair", "{}"), "map.yaml:2:9  source  says nothing usable"),
        (NEEDED.replace("fair", "x" * 999), "map.yaml:2:9  source  says nothing usable"),
        (
            NEEDED.replace("2026-02-01", "1/2/2026"),
            "map.yaml:4:7  date  '1/2/2026' may start with the day or the month",
        ),
        (NEEDED.replace("2026-02-01", "today"), "map.yaml:4:7  date  'today' is not a date"),
        (NEEDED + "kind: contents\n", 'map.yaml:5:7  kind  "contents" is no kind  did you mean "content"?'),
        (NEEDED + "zone: London\n", "map.yaml:5:7  zone  'London' is not a time zone"),
        (
            NEEDED + "columns: {Frist: first_name}\n",
            'map.yaml:5:11  columns.Frist  the list has no column "Frist"  did you mean "First"?',
        ),
        (
            NEEDED + "columns: {First: firstname}\n",
            'nurture.toml declares no attribute "firstname"  did you mean "first_name"?',
        ),
        (
            NEEDED + "columns: {First: role, Role: role}\n",
            "map.yaml:5:30  columns.Role  role is filled by two columns",
        ),
        (NEEDED + "columns: {Twice: role}\n", 'map.yaml:5:11  columns.Twice  the list has 2 columns "Twice"'),
        (NEEDED + "values: {Size: {a: b}}\n", "map.yaml:5:10  values.Size  this map does not use the column"),
        (NEEDED + "do_not_mail: {column: Mail}\n", 'map.yaml:5:1  do_not_mail  "when" is missing'),
        (NEEDED + "do_not_mail: {column: Mail, when: [1, {}]}\n", "map.yaml:5:39  do_not_mail"),
        (
            NEEDED + "bounced: {column: Male, when: [Yes]}\n",
            'map.yaml:5:19  bounced.column  the list has no column "Male"',
        ),
        (NEEDED + "events: [{when: {Mail: 1}}]\n", "map.yaml:5:10  events[1]  says not what happened"),
        (
            NEEDED + "events: [{form: demmo, when: {Mail: 1}}]\n",
            'no form or signal is called "demmo"  did you mean "demo"?',
        ),
        (NEEDED + "events: [{event: e, when: {}}]\n", "map.yaml:5:27  events[1].when"),
        (NEEDED + "dates: year first\n", "map.yaml:5:8  dates"),
        (NEEDED + "decimal: dot\n", "map.yaml:5:10  decimal"),
        (NEEDED + "blank: Select\n", "map.yaml:5:8  blank"),
    ],
)
def test_a_slip_is_told_with_its_place(text: str | bytes, told: str) -> None:
    found = read(text)
    assert not isinstance(found, Map)
    assert any(told in line for line in found), found


def test_all_slips_are_told_at_once() -> None:
    found = read(
        "email: X\nsource: {column: Y}\nbasis: b\ndate: {column: Z}\ncolumns: {Q: role, Role: rolle}\n"
    )
    assert not isinstance(found, Map)
    assert len(found) == 6


def test_a_list_is_a_yes_no_column_in_no_language_but_the_maps() -> None:
    map = NEEDED + "do_not_mail: [{column: Mail, when: [Yes]}, {column: Role, when: [left, Gone]}]\n"
    silences = [
        getattr(hear(map, f"ada@acme.example||{role}|||{mail}"), "silence", None)
        for role, mail in (("", "YES"), ("", "no"), ("GONE", ""), ("", ""), ("", "true"))
    ]
    assert silences == ["unsubscribed", "", "unsubscribed", "", ""]
    assert isinstance(hear(map, "ada@acme.example|||||true"), Refusal)
