"""Bounces, complaints and automatic answers that sisimai is tested with: called what their labels call them.

For the labels all that is no dead address is "soft": a block by policy, a rejected content, no known reason,
a warning that mail is late. Reports of failed authentication stand among the labels' complaints; nobody
complained there, and here they are "other".
Where the labels number a status themselves (5.0.9xx) the message has none. `pytest -s` shows the table.
"""

import csv
from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from nurture.intake.mail import read
from nurture.intake.returns import Return

BOUNCES = Path(__file__).parents[3] / "shared" / "data" / "bounces"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
THEIRS = ("5.0.9", "4.0.9")
CLASSES = {"complained": "complaint", "away": "auto_reply", "delivered": "delivered", "deferred": "soft"}

pytestmark = pytest.mark.skipif(not BOUNCES.is_dir(), reason="needs ../shared/data/bounces beside the repo")


class Answer(NamedTuple):
    """One labelled recipient, and what was heard of them."""

    label: dict[str, str]
    heard: Return
    has_report: bool

    @property
    def wanted(self) -> str:
        return "other" if self.label["extra"] == "auth-failure" else self.label["nurture_class"]

    @property
    def given(self) -> str:
        if self.heard.kind == "bounced":
            return "hard" if self.heard.bounce == "hard" else "soft"
        return CLASSES.get(self.heard.kind, self.heard.kind)

    @property
    def has_status(self) -> bool:
        return self.has_report and self.label["status"] != "" and not self.label["status"].startswith(THEIRS)


@cache
def answers() -> tuple[Answer, ...]:
    labels = defaultdict(list)
    with (BOUNCES / "labels.csv").open(newline="") as lines:
        for label in csv.DictReader(lines):
            labels[label["file"]].append(label)
    return tuple(answer for file, told in sorted(labels.items()) for answer in _answers(file, told))


def _answers(file: str, told: list[dict[str, str]]) -> list[Answer]:
    raw = (BOUNCES / "messages" / file).read_bytes()
    heard = read(raw, NOW)
    by_recipient = {one.recipient.lower(): one for one in heard}
    has_report = b"message/delivery-status" in raw.lower()
    return [
        Answer(
            label, by_recipient.get(label["recipient"].lower(), heard[min(place, len(heard) - 1)]), has_report
        )
        for place, label in enumerate(told)
    ]


def share(right: list[bool]) -> float:
    return sum(right) / len(right)


def test_the_class_is_right_on_92_of_100() -> None:
    table = Counter((one.wanted, one.given) for one in answers())
    for (wanted, given), count in sorted(table.items()):
        print(f"{wanted:>12} called {given:<12} {count:4}")
    wrong = [(one.label["file"], one.wanted, one.given) for one in answers() if one.wanted != one.given]
    print(*wrong, sep="\n")
    assert share([one.wanted == one.given for one in answers()]) >= 0.92


def test_status_and_hardness_of_delivery_reports_are_right() -> None:
    reports = [one for one in answers() if one.has_report and one.wanted in ("hard", "soft")]
    numbered = [one for one in reports if one.has_status]
    status = share([one.heard.status == one.label["status"] for one in numbered])
    hardness = share([one.wanted == one.given for one in reports])
    print(f"status exact on {status:.1%} of {len(numbered)}")
    print(f"hard or soft right on {hardness:.1%} of {len(reports)}")
    assert status >= 0.98 and hardness >= 0.97


def test_nothing_but_a_bounce_is_called_hard() -> None:
    for one in answers():
        if one.wanted not in ("hard", "soft"):
            assert one.given == one.wanted, one.label["file"]
            assert one.heard.bounce == "", one.label["file"]


def test_policy_is_never_hard() -> None:
    """Class 5.7 of RFC 3463: a refusal of us."""
    assert not [
        one for one in answers() if one.heard.bounce == "hard" and one.heard.status.startswith("5.7.")
    ]


def test_most_recipients_are_named() -> None:
    named = [one for one in answers() if "@" in one.label["recipient"] and one.wanted in ("hard", "soft")]
    right = [one.heard.recipient.lower() == one.label["recipient"].lower() for one in named]
    assert share(right) >= 0.95
