"""A workspace as a whole: the programme it makes, its canonical files and its hash."""

from datetime import date, time, timedelta
from math import inf
from pathlib import Path

import pytest

from nurture import rendering
from nurture.authoring import Workspace, load, read_files
from nurture.core.conditions import All, Graded, Where
from nurture.core.evidence import Measure
from nurture.core.programme import Calendar, Cap, HandRaise, Line, Pace, Return, Signal
from nurture.errors import Mistake
from tests.authoring.small import FILES, TODAY, changed, loaded

ROOT = Path(__file__).parents[2]
DAYS = timedelta(days=1)


def _workspace(files: dict[str, str] | None = None) -> Workspace:
    result = loaded(files or dict(FILES))
    assert result.problems == ()
    assert result.workspace is not None
    return result.workspace


def test_the_example_programme_has_no_problem() -> None:
    result = load(read_files(ROOT), today=TODAY.replace(month=10))
    assert result.problems == ()
    assert result.workspace is not None
    programme = result.workspace.programme
    assert len(programme.pieces) >= 14
    assert set(result.workspace.templates) == set(programme.pieces)
    assert "packet" in result.workspace.packets
    assert {id for sequence in programme.sequences for id in sequence.say} == set(programme.pieces)


@pytest.mark.parametrize("files", [FILES, read_files(ROOT)], ids=["small", "example"])
def test_canonical_files_make_the_same_workspace(files: dict[str, str | bytes]) -> None:
    first = load(files, today=TODAY.replace(month=10)).workspace
    assert first is not None
    again = load(dict(sorted(first.files.items(), reverse=True)), today=TODAY.replace(month=10)).workspace
    assert again is not None
    assert (again.hash, again.files, again.programme) == (first.hash, first.files, first.programme)


def test_what_does_not_change_the_hash() -> None:
    hash = _workspace().hash
    as_bytes = {file: text.replace("\n", "\r\n").encode() for file, text in FILES.items()}
    assert loaded(as_bytes).workspace.hash == hash  # type: ignore[union-attr]
    bom = {**FILES, "agreement.yaml": "\ufeff" + FILES["agreement.yaml"]}
    assert _workspace(bom).hash == hash
    settings = changed("nurture.toml", "[store]", '[web]\nbind = "0.0.0.0:80"\n\n[store]')
    settings["nurture.toml"] = 'tracking = "off"  # no pixels\n' + settings["nurture.toml"]
    assert _workspace(settings).hash == hash
    reordered = changed("nurture.toml", 'company = "Acme Ltd"\n', "")
    reordered["nurture.toml"] = reordered["nurture.toml"].replace(
        "[sender]", '[sender]\ncompany = "Acme Ltd"'
    )
    assert _workspace(reordered).hash == hash
    assert loaded(dict(FILES)).workspace.hash == load(FILES, today=date(2030, 1, 1)).workspace.hash  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("nurture.toml", 'name = "Ada"', 'name = "Adam"'),
        ("nurture.toml", 'ask = "How many?"', 'ask = "How many people?"'),
        ("nurture.toml", '["buyer", "student"]', '["student", "buyer"]'),
        ("programme.yaml", "gap: 3 days", "gap: 4 days"),
        ("agreement.yaml", "version: 3", "version: 4"),
        ("templates/layouts/plain.html", "<body>", "<body >"),
        ("templates/sales/packet.txt", "Grade", "Graded"),
        ("templates/mid/compare.md", "Some text", "Some words"),
    ],
)
def test_what_changes_the_hash(file: str, old: str, new: str) -> None:
    assert _workspace(changed(file, old, new)).hash != _workspace().hash


def test_odd_text_survives_the_canonical_toml() -> None:
    odd = 'tab\\t quote\\" slash\\\\ line\\n del\\u007f smile\\U0001F600 é'
    first = _workspace(changed("nurture.toml", "How many?", odd))
    assert (
        first.programme.attributes["employees"].ask == 'tab\t quote" slash\\ line\n del\x7f smile\U0001f600 é'
    )
    again = load(first.files, today=TODAY)
    assert again.problems == ()
    assert again.workspace is not None
    assert again.workspace.programme.attributes == first.programme.attributes


def test_settings_and_secrets_are_not_stored() -> None:
    files = _workspace().files
    assert "sqlite" not in files["nurture.toml"]
    assert set(files) == set(FILES)


def test_the_programme() -> None:
    programme = _workspace().programme
    assert programme.sender.postal == "1 High Street, Sheffield"
    assert programme.site.hosts == ("www.acme.example", "acme.example")
    assert programme.sales == ("tom@acme.example",)
    assert programme.attributes["first_name"].personal
    assert programme.attributes["role"].values == ("buyer", "student")
    assert programme.forms["demo"].fields == {"first_name": "first_name", "role": "role"}
    assert programme.signals == (
        Signal("pricing", "page", starts_with="/pricing"),
        Signal("careers", "page", equals="/careers"),
        Signal("click", "click"),
        Signal("webinar", "event", equals="webinar_attended"),
        Signal("demo", "form", equals="demo"),
        Signal("read", "consumed", equals="mid"),
        Signal("reply", "reply"),
    )
    assert programme.stages.order == ("early", "mid", "late")
    assert programme.stages.measure == Measure(21 * DAYS)
    assert (programme.stages.enter, programme.stages.exit, programme.stages.consumed) == (3, 1, 1)
    assert programme.stages.evidence == {"pricing": {"late": 2}}
    assert programme.stages.prior == {"webinar": "mid"}
    assert programme.topics.measure == Measure(30 * DAYS)
    assert programme.topics.signals == {"pricing": ("cost",)}
    assert programme.pace == Pace(3 * DAYS, (Cap(2, 7 * DAYS), Cap(6, 30 * DAYS)), 2 * DAYS)
    assert programme.calendar == Calendar(
        weekdays=frozenset(range(5)),
        opens=time(8, 30),
        closes=time(17, 30),
        zone="prospect",
        countries=frozenset({"GB"}),
        days_off=frozenset({date(2026, 12, 24)}),
        spread=timedelta(minutes=45),
    )
    assert programme.zone == "Europe/London"


def test_the_pieces() -> None:
    workspace = _workspace()
    pieces = workspace.programme.pieces
    assert list(pieces) == ["cost-of-bad-data", "compare"]
    cost, compare = pieces.values()
    assert (cost.stage, cost.topics, cost.url, cost.uses) == (
        "early",
        ("cost",),
        "/guides/cost",
        ("company",),
    )
    assert compare.needs == ("cost-of-bad-data",)
    assert compare.when == Where("employees", at_least=10)
    assert workspace.templates["cost-of-bad-data"].links == ("https://www.acme.example/guides/cost",)
    rendered = rendering.render(
        workspace.templates["cost-of-bad-data"],
        {"company": "Lund"},
        sender=workspace.programme.sender,
        site=workspace.programme.site,
        link=lambda number: f"https://go.example/{number}",
        unsubscribe_url="https://go.example/u",
    )
    assert rendered.subject == "What it costs Lund"


def test_the_sequence() -> None:
    sequence = _workspace().programme.sequences[0]
    assert sequence.audience == All((Where("source_kind", one_of=("content", "referral")), Graded("C")))
    assert sequence.say == ("cost-of-bad-data", "compare")
    assert sequence.again == 180 * DAYS
    assert sequence.pace == Pace(5 * DAYS, (Cap(2, 7 * DAYS), Cap(6, 30 * DAYS)), 2 * DAYS)
    assert (sequence.ending.wait, sequence.ending.then, sequence.ending.rest_for) == (
        14 * DAYS,
        "rest",
        90 * DAYS,
    )


def test_the_agreement() -> None:
    agreement = _workspace().programme.agreement
    assert (agreement.version, agreement.marketing, agreement.sales) == (3, "Ada Ray", "Tom Vo")
    assert agreement.grades == {"A": 80, "B": 60, "C": 40}
    assert [(line.name, line.weight) for line in agreement.criteria] == [("size", 25), ("role", 10)]
    assert agreement.intent == (
        Line("pricing", 15, Measure(14 * DAYS, 40, DAYS)),
        Line("click", 2, Measure(14 * DAYS, 10)),
        Line("careers", -10, Measure(90 * DAYS, inf), 90 * DAYS),
    )
    assert agreement.hand_raise == (HandRaise("demo", "C", 30 * DAYS),)
    assert agreement.promote == {"A": 40, "B": 50, "C": 70}
    assert agreement.rejected == {"not_icp": Return("close"), "bad_data": Return("nurture")}
    assert agreement.recycled == {"not_now": Return("nurture", "mid", 90 * DAYS)}
    assert agreement.clock.answer == timedelta(hours=8, minutes=30)
    assert agreement.clock.recall == 3 * timedelta(hours=8, minutes=30)
    assert agreement.clock.hours.zone == "Europe/London"


def test_topics_in_say_stand_for_their_pieces() -> None:
    more = {
        "templates/early/a.md": FILES["templates/mid/compare.md"].replace("[method]", "[cost]"),
        "templates/early/b.md": FILES["templates/mid/compare.md"].replace("[method]", "[method, cost]"),
    }
    files = {
        **changed("sequences/evaluate.yaml", "[cost-of-bad-data, compare, cost]", "[cost, method, a]"),
        **more,
    }
    assert _workspace(files).programme.sequences[0].say == ("b", "cost-of-bad-data", "compare", "a")


def test_holidays_are_resolved_for_three_years_of_the_countries_named() -> None:
    holidays = _workspace().programme.holidays
    assert list(holidays) == ["GB"]
    assert {day.year for day in holidays["GB"]} == {2026, 2027, 2028}
    assert date(2026, 12, 25) in holidays["GB"]


def test_one_page_is_one_url_however_it_is_written() -> None:
    files = changed(
        "templates/early/cost-of-bad-data.md", "url: /guides/cost", "url: https://acme.example/guides/cost/"
    )
    assert _workspace(files).programme.pieces["cost-of-bad-data"].url == "/guides/cost"
    files = changed("templates/early/cost-of-bad-data.md", "url: /guides/cost", "url: https://else.example/x")
    assert _workspace(files).programme.pieces["cost-of-bad-data"].url == "https://else.example/x"


def test_reading_a_folder(tmp_path: Path) -> None:
    for file, text in FILES.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "stories").mkdir()
    (tmp_path / "stories" / "one.story").write_text("x")
    (tmp_path / "secrets.toml").write_text("x")
    (tmp_path / "templates" / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "templates" / "early" / "cost-of-bad-data.md~").write_bytes(b"\0")
    assert {file: raw.decode() for file, raw in read_files(tmp_path).items()} == FILES


def test_a_folder_that_is_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="is no workspace: nurture init FOLDER makes one"):
        read_files(tmp_path)


def test_a_form_keeps_the_order_of_its_fields() -> None:
    first = _workspace(
        changed(
            "nurture.toml",
            'first_name = "first_name", role = "role"',
            'role = "role", first_name = "first_name"',
        )
    )
    again = load(first.files, today=TODAY).workspace
    assert again is not None
    assert list(again.programme.forms["demo"].fields) == ["role", "first_name"]
    assert again.hash == first.hash
