"""The IMAP folder against a real server: TLS, marks, moving, what others mean to delete, and crashes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.core import facts as f
from nurture.engine.fetching import fetch
from nurture.engine.mailboxes import DONE, ImapFolder, Unreachable, came_at
from nurture.store import Store
from tests.shell.engine_world import HOUR, START, World
from tests.shell.imap_server import PASSWORD, Dovecot, dovecot
from tests.shell.mailbox_world import bodies, bounce, kept, letter, reply, taking, to_us, written

LATER = START + 2 * HOUR


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


@pytest.fixture
def world(sqlite_database: str) -> Iterator[World]:
    with Store(sqlite_database) as store:
        yield World(store)


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
@pytest.mark.parametrize("done", ["", "nurture/done"])
def test_letters_are_taken_once_and_nothing_is_deleted(
    server: Dovecot, world: World, security: str, done: str
) -> None:
    user = f"user-{security}-{'moves' if done else 'marks'}"
    ada, touch = written(world)
    bo, other = written(world, "bo")
    raws = [
        reply(touch, "Yes, please", LATER),
        bounce("bo@bo.example", to_us("b", other), LATER),
        b"\x00\xff not a letter",
        letter("Hi", LATER, From="x@y.example"),
    ]
    server.add(user, *raws)
    with server.looking(user) as box:
        box.client.uid("STORE", "4", "+FLAGS", r"(\Deleted)")  # somebody else's wish
    place = server.place(user, security, done)  # type: ignore[arg-type]
    assert fetch(place, taking(world), LATER) == 4
    assert fetch(place, taking(world), LATER) == 0
    assert bodies(world, ada, f.Replied) and bodies(world, bo, f.Bounced)
    assert [row.kind for row in kept(world)] == ["replied", "bounced", "other", "replied"]
    with server.looking(user, done.replace("/", ".") or "INBOX") as box:
        found = list(box.fetch(mark_seen=False))
        assert len(found) == 4
        assert all({r"\Seen", DONE} <= set(each.flags) for each in found)
    with server.looking(user) as box:
        assert len(box.uids()) == (0 if done else 4)


def test_only_so_many_are_taken_at_one_look_and_the_rest_at_the_next(
    server: Dovecot, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurture.engine.fetching.BATCH", 5)
    monkeypatch.setattr("nurture.engine.fetching.AT_ONCE", 2)
    server.add("many", *(letter(f"{number}", LATER, From="x@y.example") for number in range(7)))
    counts = [fetch(server.place("many"), taking(world), LATER) for _ in range(3)]
    assert counts == [5, 2, 0]
    assert len(kept(world)) == 7


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"password": "wrong"}, "AUTHENTICATIONFAILED"),
        ({"folder": "Nowhere"}, "doesn't exist"),
        ({"certificates": None}, "CERTIFICATE_VERIFY_FAILED"),
        ({"port": 1}, "refused"),
        ({"host": "mail.example", "security": "none"}, "in clear"),
    ],
)
def test_a_place_that_cannot_be_looked_at_says_why_and_no_secret(
    server: Dovecot, world: World, change: dict[str, object], says: str
) -> None:
    place = server.place("ada")
    for name, value in change.items():
        setattr(place, name, value)
    with pytest.raises(Unreachable, match=says) as told:
        fetch(place, taking(world), LATER)
    assert PASSWORD not in str(told.value) and PASSWORD not in repr(place) and "wrong" not in repr(place)


def test_a_crash_between_the_commit_and_the_mark_counts_nothing_twice(
    server: Dovecot, world: World, sqlite_database: str
) -> None:
    """A process of its own is killed there; the next look reads the letter again and marks it."""
    ada, touch = written(world)
    server.add("crash", reply(touch, "Yes", LATER))
    words = [sys.executable, "-m", "tests.shell.mailbox_crash", sqlite_database, str(server.plain), PASSWORD]
    root = Path(__file__).parents[2]
    environment = {"NURTURE_FAILPOINT": "fetch.taken:1:kill", "PATH": "/usr/bin"}
    assert subprocess.run(words, cwd=root, env=environment, check=False).returncode == -9
    assert len(bodies(world, ada, f.Replied)) == 1
    with server.looking("crash") as box:
        assert box.uids(f"UNKEYWORD {DONE}") == ["1"], "taken, and not marked"
    assert fetch(server.place("crash"), taking(world), LATER) == 1
    assert len(bodies(world, ada, f.Replied)) == 1
    with server.looking("crash") as box:
        assert box.uids(f"UNKEYWORD {DONE}") == []


def test_a_place_is_described_without_its_password() -> None:
    assert PASSWORD not in repr(ImapFolder("h", 1, "tls", "u", PASSWORD))


@pytest.mark.parametrize("date", ["01-Jan-0000 00:00:00 +0000", "01-Foo-2026 00:00:00 +0000", "yesterday"])
def test_a_letter_without_a_date_that_there_is_is_read_all_the_same(date: str) -> None:
    assert came_at(f'1 (UID 1 INTERNALDATE "{date}" BODY[]<0> {{3}}'.encode()) is None
