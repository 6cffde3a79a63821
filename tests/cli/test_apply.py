"""The active programme: what `apply` does, and that files alone do nothing."""

import shutil
from datetime import timedelta

import pytest

from nurture.store import programmes
from tests.cli.workspace import LIST, START, Place

NOTICE = "The files here are not the active programme; `nurture apply` makes them so."
COMMANDS = (["wake"], ["import", "prospects", "leads.csv", "--map", "map.yaml"])
LATER = START + timedelta(hours=1)


def active(place: Place) -> str:
    return str(place.read(lambda c: programmes.active(c).programme))


def test_the_first_use_applies_by_itself(place: Place) -> None:
    ended = place.ok("wake")
    assert NOTICE not in ended.err
    assert len(active(place)) == 64
    assert "active already" in place.ok("apply").out


@pytest.mark.parametrize("command", COMMANDS)
def test_changed_files_are_reported_and_not_used(people: Place, command: list[str]) -> None:
    before = active(people)
    people.edit("templates/early/five-causes.html", "subject:", "subject: New")
    ended = people.ok(*command)
    assert ended.err.count(NOTICE) == 1
    assert NOTICE not in ended.out
    assert active(people) == before
    applied = people.ok("apply", at=LATER)
    assert applied.out.startswith("Applied programme ")
    assert active(people) != before
    assert NOTICE not in people.ok(*command, at=LATER).err


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("nurture.toml", 'clicks"', 'full"'),
        ("nurture.toml", "127.0.0.1:8025", "127.0.0.1:8026"),
        ("stories/weekend.story", "start:", "# other\nstart:"),
    ],
)
def test_settings_and_stories_are_no_change(people: Place, file: str, old: str, new: str) -> None:
    people.edit(file, old, new)
    assert NOTICE not in people.ok("wake").err


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("agreement.yaml", "version: 3", "version: [3"), ("programme.yaml", "gap: 3 days", "gapp: 3 days")],
)
def test_broken_files_stop_nothing_that_runs(people: Place, file: str, old: str, new: str) -> None:
    people.edit(file, old, new)
    assert NOTICE in people.ok("wake").err
    assert f"{file}:" in people.run("apply").err


def test_files_with_errors_do_not_become_the_first_programme(place: Place) -> None:
    place.edit("programme.yaml", "gap: 3 days", "gapp: 3 days")
    for command in (["wake"], ["apply"]):
        ended = place.run(*command)
        assert ended.code == 1
        assert "the files have errors" in ended.err
        assert 'unknown key "gapp"' in ended.err


@pytest.mark.parametrize("what", ["sequence", "piece", "stage"])
def test_what_somebody_is_in_cannot_be_taken_away(people: Place, what: str) -> None:
    before = active(people)
    late = START + timedelta(days=1)
    if what == "sequence":
        (people.folder / "sequences/new-leads.yaml").rename(people.folder / "sequences/other.yaml")
        people.edit("sequences/other.yaml", "sequence: new-leads", "sequence: other")
    elif what == "stage":
        (people.folder / "templates/early").rename(people.folder / "templates/starting")
        people.edit("programme.yaml", "order: [early,", "order: [starting,")
        people.edit("programme.yaml", "default: early", "default: starting")
        people.edit("programme.yaml", "{consumed: early}", "{consumed: starting}")
        people.edit("agreement.yaml", "stage: early", "stage: starting")
    else:
        a_message_waits(people)
        (people.folder / "templates/early/exception-arithmetic.md").rename(
            people.folder / "templates/early/arithmetic.md"
        )
        people.edit("sequences/new-leads.yaml", "- exception-arithmetic", "- arithmetic")
    sentence = people.mistake("apply", at=late)
    name = {"sequence": "new-leads", "piece": "exception-arithmetic", "stage": "early"}[what]
    assert sentence.startswith("Error: Not applied: the files no longer have the ")
    assert f"the {what} {name} (" in sentence
    assert sentence.endswith("Bring back what is in use.")
    assert active(people) == before
    assert people.ok("verify", "--json").data["differences"] == []


def a_message_waits(people: Place) -> None:
    """For Di; there is a file where the folder of mails should be."""
    shutil.rmtree(people.folder / "outbox")
    (people.folder / "outbox").touch()
    row = LIST.splitlines()[1].replace("ada@acme", "di@delta")
    (people.folder / "more.csv").write_text(f"{LIST.splitlines()[0]}\n{row}\n")
    people.ok("import", "prospects", "more.csv", "--map", "map.yaml")
    ended = people.run("wake")
    assert (ended.code, "sending stopped" in ended.err) == (1, True)


def test_everybody_is_looked_at_again(people: Place) -> None:
    """Ada would not be looked at for days; the wake after `apply` looks."""
    reasons = "SELECT wake_reason FROM prospects WHERE id = 1"
    people.edit("agreement.yaml", "too_small:  {employees: {max: 9}}", "too_small:  {employees: {max: 900}}")
    people.ok("wake", at=LATER)
    assert people.read(lambda c: c.exec_driver_sql(reasons).scalar()) != "disqualified"
    people.ok("apply", at=LATER)
    people.ok("wake", at=LATER)
    rows = people.ok("prospect", "list", "--json", at=LATER).data
    assert [row["lifecycle"] for row in rows] == ["closed", "closed", "closed"]
