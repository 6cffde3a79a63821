"""The stories of the example programme: they come out as written, and each could come out otherwise."""

from datetime import date
from functools import cache
from pathlib import Path

import pytest

from nurture.authoring import load, read_files
from nurture.core.programme import Programme
from nurture.simulation.rehearsal import play
from nurture.simulation.stories import read_file

ROOT = Path(__file__).parent.parent
STORIES = sorted((ROOT / "stories").glob("*.story"))

CHANGES = [
    ("programme.yaml", 'hours: "08:30-17:30"', 'hours: "08:30-17:31"', {"window-ends"}),
    ("programme.yaml", "weekdays: mon-fri", "weekdays: mon-sat", {"weekend", "christmas"}),
    ("programme.yaml", "zone: prospect", "zone: Europe/London", {"zone-los-angeles", "zone-north-dakota"}),
    ("programme.yaml", "[2 per 7 days, ", "[", {"cap-delays"}),
    ("programme.yaml", "[GB, 2026-12-24, 2026-12-31]", "[GB]", {"christmas"}),
    ("programme.yaml", "  exit: 1", "  exit: 0.5", {"fades-back", "referral-starts-at-mid"}),
    ("programme.yaml", "  enter: 3", "  enter: 3.5", {"skips-ahead", "webinar", "engagement-goes-on"}),
    ("programme.yaml", "dwell: 2 days", "dwell: 5 days", {"fades-back"}),
    ("programme.yaml", "gap: 3 days", "gap: 4 days", {"out-of-office"}),
    ("programme.yaml", "cool_down: 2 days", "cool_down: 3 days", {"read-before-entry", "skips-ahead"}),
    (
        "agreement.yaml",
        "fresh_points: 20",
        "fresh_points: 0",
        {
            "rejected-on-the-same-evidence",
            "recalled-on-the-same-evidence",
            "recycled-on-the-same-evidence",
            "unsubscribed-while-with-sales",
        },
    ),
    ("agreement.yaml", "fresh_points: 20", "fresh_points: 19", {"rejected-then-fresh-points"}),
    ("agreement.yaml", "fresh_points: 20", "fresh_points: 30", {"recycled-then-fresh-points"}),
    ("agreement.yaml", "{A: 40", "{A: 55", {"evaluator"}),
    ("agreement.yaml", "points: -15", "points: -5", {"careers-page"}),
    ("agreement.yaml", "lasts: 30 days}", "lasts: 40 days}", {"demo-request-grows-old"}),
    ("agreement.yaml", "demo: {at_least: C", "demo: {at_least: D", {"demo-request-of-unknown-fit"}),
    ("agreement.yaml", "{role: student}", "{role: other}", {"student", "student-by-mistake"}),
    ("agreement.yaml", "recall: 3", "recall: 4", {"recalled-on-the-same-evidence"}),
    (
        "agreement.yaml",
        "no_response:  {stage: mid, after: 30 days}",
        "no_response:  {stage: mid, after: 9 days}",
        {"recycled-rests-to-its-date"},
    ),
    (
        "sequences/new-leads.yaml",
        "then: rest, for: 60 days",
        "then: rest, for: 50 days",
        {"unsubscribed-from-one-sequence"},
    ),
    ("sequences/new-leads.yaml", "again: never", "again: after 1 day", {"never-twice-in-new-leads"}),
    ("sequences/new-leads.yaml", "wait: 14 days", "wait: 15 days", {"silence-ends", "read-before-entry"}),
    (
        "sequences/new-leads.yaml",
        "leave_when: {timeframe: not-planned}",
        "leave_when: {timeframe: this-quarter}",
        {"exit-and-send-at-once", "exit-not-given"},
    ),
    ("sequences/re-engagement.yaml", "gap: 7 days", "gap: 8 days", {"re-engagement-after-rest"}),
]
"""One change of the programme, and stories that must notice it."""


@cache
def files() -> dict[str, bytes]:
    return read_files(ROOT)


def programme(changed: dict[str, bytes] | None = None) -> Programme:
    texts = {**without_bodies(files()), **changed} if changed else files()
    loaded = load(texts, today=date(2026, 10, 1))
    assert loaded.workspace is not None, loaded.problems
    return loaded.workspace.programme


def without_bodies(texts: dict[str, bytes]) -> dict[str, bytes]:
    """The same pieces with one line of text each, which are read in half the time; no story reads them."""
    pieces = {
        name: b"---".join([*text.split(b"---", 2)[:2], b"\nOne line of text.\n"])
        for name, text in texts.items()
        if name.split("/")[0] == "templates" and name.split("/")[1] in ("early", "mid", "late")
    }
    return {**texts, **pieces}


@cache
def shipped() -> Programme:
    return programme()


def test_there_are_stories() -> None:
    assert len(STORIES) >= 18


@pytest.mark.parametrize("file", STORIES, ids=lambda file: file.stem)
def test_a_story_comes_out_as_written(file: Path) -> None:
    assert play(read_file(file), shipped()).differences == ()


@pytest.mark.parametrize("file", STORIES, ids=lambda file: file.stem)
def test_a_story_says_what_it_shows(file: Path) -> None:
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# ") and len(first) > 30


@pytest.mark.parametrize(
    ("name", "before", "after", "noticing"), CHANGES, ids=[f"{c[0]}: {c[2]}" for c in CHANGES]
)
def test_a_change_of_the_programme_is_noticed(name: str, before: str, after: str, noticing: set[str]) -> None:
    text = files()[name].decode()
    assert text.count(before) >= 1
    changed = programme({name: text.replace(before, after, 1).encode()})
    failed = {
        story for story in noticing if play(read_file(ROOT / f"stories/{story}.story"), changed).differences
    }
    assert failed == noticing


def test_playing_twice_gives_the_same() -> None:
    loaded_again = programme()
    for file in STORIES:
        first, again = play(read_file(file), shipped()), play(read_file(file), loaded_again)
        assert first.journey == again.journey
