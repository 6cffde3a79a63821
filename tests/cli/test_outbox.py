"""`nurture outbox`: what it shows of messages, and the word of a person on one that is in doubt."""

import csv
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest

from nurture.engine.wake import wake
from nurture.store.tables import BREAKERS, TOUCHES
from nurture.store.tallies import ACCOUNT
from tests.cli.workspace import START, Place

MINUTE = timedelta(minutes=1)
LATER = START + MINUTE


def in_doubt(place: Place) -> int:
    """Ada's message was fenced when its sender died, Bo's went out; the number of Ada's."""
    place.ok("import", "prospects", "leads.csv", "--map", "map.yaml")
    ada = TOUCHES.c.prospect == 1
    with place.opened(START) as nurture:
        nurture.store.write_now(lambda c: wake(c, nurture.shelf, START))
        fenced = TOUCHES.update().where(ada).values(state="fenced", owner="dead:1", epoch=1, fenced_at=START)
        nurture.store.write_now(lambda c: c.execute(fenced) and None)
    place.ok("wake", at=LATER)
    number = TOUCHES.select().where(ada).with_only_columns(TOUCHES.c.id)
    return int(place.read(lambda c: c.scalar(number)))


@pytest.fixture
def touch(place: Place) -> int:
    return in_doubt(place)


def of(place: Place, touch: int, at: Any = LATER) -> Any:
    return place.ok("outbox", "show", str(touch), "--json", at=at).data


def test_nothing_yet(place: Place) -> None:
    assert place.ok("outbox", "list").out == "No messages.\n"
    assert place.mistake("outbox", "show", "7") == (
        "Error: there is no message 7; `nurture outbox list` shows their numbers"
    )


def test_a_list_begins_with_how_many_there_are(place: Place, touch: int) -> None:
    ended = place.ok("outbox", "list", at=LATER)
    assert ended.out.splitlines()[0] == "1 sent, 1 in doubt"
    assert "ada@acme.example" in ended.out
    assert "the sender stopped between" in ended.out
    assert ended.err.strip() == f"Next: nurture outbox show {touch}"


@pytest.mark.parametrize(("state", "count"), [("in_doubt", 1), ("waiting", 0), ("sent", 1), ("held", 0)])
def test_a_list_of_one_state(place: Place, touch: int, state: str, count: int) -> None:
    assert len(place.ok("outbox", "list", "--state", state, "--json", at=LATER).data) == count


def test_machines_see_addresses_only_if_they_ask(place: Place, touch: int) -> None:
    for command in (["list"], ["show", str(touch)]):
        bare = place.ok("outbox", *command, "--json", at=LATER).out
        assert "acme" not in bare
        assert "ada@acme.example" in place.ok("outbox", *command, "--json", "--addresses").out
        rows = csv.DictReader(StringIO(place.ok("outbox", *command, "--format", "csv").out))
        assert str(touch) in {row["touch"] for row in rows}


def test_one_message_is_told_from_chosen_to_its_end(place: Place, touch: int) -> None:
    shown = of(place, touch)
    assert shown["state"] == "in_doubt"
    assert (shown["owner"], shown["epoch"], shown["fenced_at"]) == ("dead:1", 1, "2026-10-05T09:00:00Z")
    assert [event["what"] for event in shown["life"]] == ["chosen", "in doubt"]
    table = place.ok("outbox", "show", str(touch), at=LATER)
    assert "2026-10-05T09:01:00Z  in doubt" in table.out
    assert f"nurture outbox resolve {touch} sent|failed|resend --by YOU" in table.err


def test_a_person_says_what_became_of_it(place: Place, touch: int) -> None:
    done = place.ok("outbox", "resolve", str(touch), "failed", "--by", "tom", "--why", "it came back")
    assert done.out == f"Message {touch} is failed.\n"
    shown = of(place, touch)
    assert (shown["state"], shown["words"]) == ("failed", "tom says so: it came back")
    again = place.mistake("outbox", "resolve", str(touch), "sent", "--by", "tom")
    assert "is not in doubt" in again
    assert "0 differences" in place.ok("verify").out


def test_sent_again_it_is_the_same_message(place: Place, touch: int) -> None:
    place.ok("outbox", "resolve", str(touch), "resend", "--by", "tom", at=LATER + MINUTE)
    assert of(place, touch)["state"] == "queued"
    place.ok("wake", at=LATER + MINUTE)
    shown = of(place, touch)
    assert shown["state"] == "sent"
    assert [event["what"] for event in shown["life"]] == ["chosen", "in doubt", "resent", "sent"]
    journey = place.ok("journey", "ada@acme.example").out
    assert "resent" in journey
    assert "tom says so" in journey
    assert "0 differences" in place.ok("verify").out


def test_it_needs_to_know_who_says_so(place: Place, touch: int) -> None:
    assert place.run("outbox", "resolve", str(touch), "sent").code == 2


def paused(place: Place, receiver: str, **more: Any) -> None:
    row = {
        "receiver": receiver,
        "kind": "deferrals" if receiver else "account",
        "reason": "421 4.7.0 slow down",
    }
    values = {"account": ACCOUNT, "step": 0, "counted": 0, "bad": 0, "since": START, **row, **more}
    with place.opened(START) as nurture:
        nurture.store.write_now(lambda c: c.execute(BREAKERS.insert().values(**values)) and None)


@pytest.mark.parametrize(
    ("receiver", "typed", "shown"),
    [("google", ["gmail.com"], "google"), ("acme.example", ["acme.example"], "acme.example"),
     ("", [], "the account")],
)  # fmt: skip
def test_a_breaker_is_shown_and_a_person_can_close_it(
    people: Place, receiver: str, typed: list[str], shown: str
) -> None:
    paused(people, receiver, state="paused", until=START + 15 * MINUTE)
    listed = people.ok("outbox", "list").out
    assert f"{shown}: paused until 2026-10-05T09:15:00Z, 0 wait: 421 4.7.0 slow down" in listed
    assert people.ok("outbox", "resume", *typed).out == f"Mail goes again: {shown}.\n"
    assert "paused" not in people.ok("outbox", "list").out
    assert f"nothing is stopped at {shown}" in people.mistake("outbox", "resume", *typed)
