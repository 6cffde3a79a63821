"""What happened to somebody, and why: for people and for machines, now and at an earlier instant."""

import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.core import facts as f
from nurture.store import note
from tests.cli.workspace import START, Place

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ADDRESS = re.compile(r"[\w.]+@[\w.]+")


@pytest.fixture(scope="module")
def once(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ada reads, compares and looks at prices on the two days that follow."""
    folder = shutil.copytree(prepared / "woken", tmp_path_factory.mktemp("read") / "mine")
    views = f.PageViewed("/vs/spreadsheets"), f.PageViewed("/pricing")
    with pytest.MonkeyPatch.context() as monkeypatch:
        place = Place(folder, monkeypatch)
        place.hear("ada@acme.example", f.PageViewed("/guides/exception-arithmetic"), at=START + DAY)
        place.hear("ada@acme.example", *views, at=START + 2 * DAY)
    return folder


@pytest.fixture
def read(once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A copy of that."""
    return Place(shutil.copytree(once, tmp_path / "mine"), monkeypatch)


NOW = START + 3 * DAY


def test_a_journey_line_by_line(read: Place) -> None:
    ended = read.ok("journey", "ada@acme.example", at=NOW)
    assert "Next: nurture why ada@acme.example" in ended.err
    lines = [re.split(r"  +", line, maxsplit=3) for line in ended.out.splitlines()]
    assert [line[1:2] for line in lines][:2] == [["entered"], ["learned"]]
    told = [(line[0], *line[1:]) for line in lines[2:]]
    assert told == [
        ("day 1", "enrolled", "new-leads", "source newsletter (content)"),
        ("day 1", "sent", "early/exception-arithmetic", "first unseen in early"),
        ("day 2", "viewed", "exception-arithmetic", "intent +3.0 -> 3.0"),
        ("day 3", "viewed", "/vs/spreadsheets", "intent +10.0 -> 12.9"),
        ("day 3", "viewed", "/pricing", "intent +12.0 -> 24.9"),
    ]


def test_a_journey_for_machines(read: Place) -> None:
    rows = read.ok("journey", "ada@acme.example", "--json", at=NOW).data
    assert list(rows[0]) == ["day", "at", "verb", "what", "why", "decided"]
    assert [row["verb"] for row in rows[2:]] == ["enrolled", "sent", "viewed", "viewed", "viewed"]
    assert [row["day"] for row in rows[2:]] == [1, 1, 2, 3, 3], "days of the calendar, as in the text"
    assert [row["decided"] for row in rows[2:]] == [True, True, False, False, False]
    assert rows[3]["at"] == "2026-10-05T09:00:00Z"
    ended = read.ok("journey", "ada@acme.example", "--format", "csv", at=NOW)
    assert ended.out.splitlines()[0] == "day,at,verb,what,why,decided"
    assert len(ended.out.splitlines()) == len(rows) + 1


def test_a_journey_at_an_earlier_instant_knows_what_was_known_then(read: Place) -> None:
    """A view of the second day that is heard of on the fourth is no part of the third."""
    late = START + 1 * DAY + HOUR
    with read.opened(START + 4 * DAY) as nurture:
        news, hash = {1: [(f.PageViewed("/security"), late)]}, nurture.programme().hash
        nurture.store.write_now(lambda c: note(c, news, known=START + 4 * DAY, programme=hash))
    now = START + 5 * DAY
    whole = [row["what"] for row in read.ok("journey", "ada@acme.example", "--json", at=now).data]
    then = ["--at", (START + 3 * DAY).isoformat(), "--json"]
    known = [row["what"] for row in read.ok("journey", "ada@acme.example", *then, at=now).data]
    assert [what for what in whole if what != "/security"] == known
    assert whole.index("/security") == known.index("/vs/spreadsheets")
    first = ["--at", START.isoformat(), "--json"]
    assert read.ok("journey", "ada@acme.example", *first, at=now).data[-1]["verb"] == "sent"


def test_why_in_words_adds_up(read: Place) -> None:
    ended = read.ok("why", "ada@acme.example", at=NOW)
    text = ended.out
    assert text.splitlines()[0] == "ada@acme.example  nurturing, stage early"
    assert text.splitlines()[1].startswith("fit A, intent some (23.7), timing now")
    intent = re.search(r"Intent ([\d.]+) points, agreement v3\n((?: +[\d.]+  .*\n)+)", text)
    assert intent is not None
    points = [float(line.split()[0]) for line in intent[2].splitlines()]
    assert round(sum(points), 1) == float(intent[1]) == 23.7
    assert len(points) == 3
    fit = re.search(r"Fit ([\d.]+) % of the agreement's weight\n((?: +.*\n)+)", text)
    assert fit is not None
    weights = [line.split() for line in fit[2].splitlines()]
    assert sum(float(words[0]) for words in weights if words[1] == "yes") == float(fit[1]) == 100
    assert "Now: wait" in text
    assert "because next is early/" in text
    assert "Passed over" in text
    assert re.search(r"This changes by itself: \w{3} \d", text)


def test_why_of_what_is_not_known(read: Place) -> None:
    text = read.ok("why", "bo@beta.example", at=NOW).out
    assert "fit A, intent none (0.0), timing unknown" in text
    assert re.search(r"Fit 85 to 100 % of", text)
    assert re.search(r" 15  \?   invoices: invoices is not known", text)


def test_why_of_a_student(read: Place) -> None:
    text = read.ok("why", "cy@gamma.example", at=NOW).out
    assert "cy@gamma.example  closed" in text
    assert "because disqualified: student" in text
    assert "This changes by itself: never; only if something happens" in text


def test_why_for_machines(read: Place) -> None:
    ended = read.ok("why", "ada@acme.example", "--json", at=NOW)
    data = ended.data
    assert abs(sum(line["points"] for line in data["intent"]["lines"]) - data["intent"]["points"]) < 1e-9
    assert data["fit"]["low"] == sum(
        line["weight"] for line in data["fit"]["lines"] if line["holds"] == "yes"
    )
    assert (data["state"], data["stage"], data["timing"]["state"]) == ("nurturing", "early", "now")
    assert data["verdict"].startswith("wait: ")
    assert data["passed_over"]
    assert data["changes"] > "2026-10-08"


def test_why_at_an_earlier_instant(read: Place) -> None:
    data = read.ok("why", "ada@acme.example", "--json", "--at", "2026-10-06T10:00", at=NOW).data
    assert data["intent"]["points"] == pytest.approx(3.0, abs=0.01)
    assert [line["words"].split()[0] for line in data["intent"]["lines"]] == ["read_early"]


def test_the_past_is_judged_by_the_agreement_of_its_time(read: Place) -> None:
    """After an agreement v4 with other points: then as then, now as now, and a line where it changed."""
    read.edit("agreement.yaml", "version: 3", "version: 4")
    read.edit("agreement.yaml", "pricing:    {points: 12", "pricing:    {points: 2")
    read.ok("apply", at=NOW)
    read.hear("ada@acme.example", f.PageViewed("/customers"), at=NOW + HOUR)
    later = NOW + 2 * HOUR
    lines = read.ok("journey", "ada@acme.example", at=later).out.splitlines()
    (applied,) = [line for line in lines if " applied " in line]
    assert applied.split(None, 3)[3].startswith("agreement v4")
    assert "signed 2026-09-14 by Nora Haddow and Daniel Osei" in applied
    place = lines.index(applied)
    assert "viewed       /pricing" in lines[place - 1]
    assert "intent +2.0" in lines[place - 1]
    assert "viewed       /customers" in lines[place + 1]
    then = read.ok("journey", "ada@acme.example", "--at", NOW.isoformat(), at=later).out
    assert "intent +2.0" in then, "at that very instant the new one is active"
    before = (NOW - HOUR).isoformat()
    then = read.ok("journey", "ada@acme.example", "--at", before, at=later).out
    assert "applied" not in then
    assert "intent +12.0" in then
    assert "agreement v3" in read.ok("why", "ada@acme.example", "--at", before, at=later).out
    assert "agreement v4" in read.ok("why", "ada@acme.example", at=later).out


def test_machines_see_no_addresses_unless_asked(read: Place) -> None:
    read.hear("ada@acme.example", f.FormSent("demo"), at=NOW)
    ada = "ada@acme.example"
    for command in (
        ("journey", ada), ("why", ada), ("prospect", "list"), ("prospect", "show", ada), ("handoff", "list"),
        ("handoff", "show", "1"),
    ):  # fmt: skip
        out = read.ok(*command, "--json", at=NOW).out
        assert ADDRESS.search(out) is None, command
        assert "Ada" not in out, command
    for command in (("prospect", "list"), ("prospect", "show", ada), ("handoff", "list")):
        assert ada in read.ok(*command, "--json", "--addresses", at=NOW).out
        assert ada in read.ok(*command, at=NOW).out


@pytest.mark.parametrize("command", ["journey", "why"])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["eve@nowhere.example"], "there is no prospect eve@nowhere.example; `nurture prospect list` shows"),
        (["nonsense"], "'nonsense' is no e-mail address"),
        (["ada@acme.example", "--at", "2020-01-01"], "nothing was known of ada@acme.example at that time"),
    ],
)
def test_who_is_not_there(people: Place, command: str, words: list[str], sentence: str) -> None:
    assert sentence in people.mistake(command, *words)


def test_an_instant_that_is_none(people: Place) -> None:
    ended = people.run("why", "ada@acme.example", "--at", "yesterday")
    assert ended.code == 2
    assert "'yesterday' is no instant; write 2026-03-09 or 2026-03-09T14:05Z" in ended.err


@pytest.mark.parametrize("spelling", ["ADA@Acme.Example", " ada@acme.example "])
def test_an_address_in_any_spelling(people: Place, spelling: str) -> None:
    assert people.ok("journey", spelling).out


def test_a_terminal_is_not_moved_by_what_somebody_typed(people: Place) -> None:
    people.hear("ada@acme.example", f.Learned({"company": "Ac\x1b[2J\nday 99  promoted"}), at=START + HOUR)
    out = people.ok("journey", "ada@acme.example", at=START + HOUR).out
    assert "\x1b" not in out
    assert not any(line.startswith("day 99") for line in out.splitlines())
