"""Answers of servers that the store cannot take: none is lost, none is guessed, and nothing more is sent."""

import asyncio
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nurture.core.facts import TouchEnded
from nurture.delivery import journalled, recording
from nurture.delivery.recording import Recorder
from nurture.delivery.sending import Delivered, deliver
from nurture.delivery.transports import Account, FolderTransport, SmtpTransport, Timeouts
from nurture.engine import unsubscribing
from nurture.engine.engine import Engine
from nurture.engine.outgoing import rescue_orphans
from nurture.simulation.inbox import Fault, Inbox, Received
from nurture.store import Store, engines
from nurture.store.claims import claim_touches
from nurture.store.journal import Journal
from nurture.store.outbox import LEASE, fence
from nurture.store.overdue import rescue
from nurture.store.touches import Claim, Deferral, Ending, Go, Result
from tests.shell.engine_world import World
from tests.shell.outbox_world import HOUR, KEY, KEYS, NOW, compose, facts, queue, row, states

QUICK = Timeouts(connect=2, command=2, data=2, answer=0.6, quit=0.2)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "nurture.db.journal")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that waits a tenth of a second for a lock, and few and short pauses between tries."""
    monkeypatch.setitem(engines._SQLITE_ARGUMENTS, "timeout", 0.1)
    monkeypatch.setattr(recording, "RECORD_AGAIN", (0.05, 0.05, 0.05))


def send(store: Store, journal: Journal | None, inbox: Inbox, **more: Any) -> Delivered:
    """One pass into an inbox, over two connections."""

    async def body() -> Delivered:
        async with inbox:
            account = Account(
                "127.0.0.1", inbox.port, "none", connections=more.pop("connections", 2), timeouts=QUICK
            )
            transport = SmtpTransport(account)
            values: dict[str, Any] = {"owner": "me", "key": KEY, "now": lambda: NOW, **more}
            delivered = await deliver(store, transport, compose, journal=journal, **values)
            await transport.close()
            return delivered

    return asyncio.run(body())


def replay(store: Store, journal: Journal) -> int:
    return journal.replay({journalled.KIND: journalled.taker(store, KEY, NOW)})


def claimed(store: Store, owner: str = "me", lease: timedelta = LEASE) -> list[Claim]:
    return store.write_now(lambda c: claim_touches(c, NOW, 100, owner=owner, key=KEY, lease=lease)).ready


def fenced(store: Store, owner: str = "me", lease: timedelta = LEASE) -> list[Claim]:
    claims = claimed(store, owner, lease)
    answers = store.write_now(lambda c: fence(c, claims, NOW, key=KEY, lease=lease))
    assert set(answers.values()) == {Go()}
    return claims


def keep(journal: Journal, *results: Result) -> None:
    journal.append(*(journalled.entry_of(result, NOW) for result in results))


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size`: for the database as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_on_a_full_disk_the_answer_waits_in_the_journal_and_nothing_more_is_sent(
    sqlite_database: str, journal: Journal, hurried: None
) -> None:
    log = Path(sqlite_database.removeprefix("sqlite:///") + "-wal")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def full(received: Received) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, before[1]))

    with Store(sqlite_database) as store:
        touches = queue(store, 6)
        try:
            first = send(store, journal, inbox := Inbox(on_message=full))
            assert 1 <= len(inbox.ledger) == first.sent <= 2 and first.trouble
            assert journal.waiting
            stopped = send(store, journal, later := Inbox())
            assert stopped.claimed == 0 and "journal" in stopped.trouble and later.ledger == []
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert replay(store, journal) >= first.sent
        sent = {id for id, (_, outcome) in states(store).items() if outcome == "sent"}
        assert len(sent) == len(inbox.ledger)
        rest = send(store, journal, last := Inbox(), now=lambda: NOW + HOUR)
        assert rest.sent == 6 - first.sent
        assert states(store) == dict.fromkeys(touches, ("ended", "sent"))
        assert inbox.duplicates() + last.duplicates() == 0


def test_a_store_that_cannot_write_is_found_before_anything_is_sent(
    sqlite_database: str, journal: Journal, hurried: None
) -> None:
    log = Path(sqlite_database.removeprefix("sqlite:///") + "-wal")
    with Store(sqlite_database) as store:
        queue(store, 3)
        with no_room_beyond(log.stat().st_size):
            delivered = send(store, None, inbox := Inbox())
        assert delivered == Delivered(trouble="the store: OperationalError") and inbox.transactions == 0
        assert send(store, journal, Inbox()).sent == 3


def test_without_room_for_the_journal_nothing_is_sent(sqlite_database: str, tmp_path: Path) -> None:
    with Store(sqlite_database) as store:
        queue(store, 1)
        with no_room_beyond(100_000):
            delivered = send(store, Journal(tmp_path / "journal"), inbox := Inbox())
    assert delivered == Delivered(trouble="journal: File too large") and inbox.transactions == 0


@pytest.mark.parametrize("seconds", [0.1, 0.3, 1.5])
def test_while_another_program_holds_the_database_answers_wait_and_none_is_lost(
    sqlite_database: str, journal: Journal, hurried: None, seconds: float
) -> None:
    path = sqlite_database.removeprefix("sqlite:///")
    held: list[threading.Thread] = []

    def hold() -> None:
        other = sqlite3.connect(path, isolation_level=None, timeout=10)
        other.execute("BEGIN IMMEDIATE")
        locked.set()
        threading.Event().wait(seconds)
        other.close()

    def lock(received: Received) -> None:
        if len(inbox.ledger) == 3:
            held.append(threading.Thread(target=hold))
            held[0].start()
            assert locked.wait(10)

    locked = threading.Event()
    with Store(sqlite_database) as store:
        touches = queue(store, 30)
        first = send(store, journal, inbox := Inbox(on_message=lock))
        held[0].join()
        assert first.sent == len(inbox.ledger) >= 3
        assert first.sent == 30 or "Another process holds the database" in first.trouble
        if journal.waiting:
            replay(store, journal)
        outcomes = list(states(store).values())
        assert outcomes.count(("ended", "sent")) == first.sent
        assert all(state in ("queued", "deferred", "ended") for state, _ in outcomes)
        second = send(store, journal, rest := Inbox(), now=lambda: NOW + HOUR)
        assert first.sent + second.sent == 30
        assert states(store) == dict.fromkeys(touches, ("ended", "sent"))
        assert len({each.message_id for each in inbox.ledger + rest.ledger}) == 30


def test_a_lock_that_outlasts_all_tries_sends_the_answers_to_the_journal(
    sqlite_database: str, journal: Journal, hurried: None
) -> None:
    path = sqlite_database.removeprefix("sqlite:///")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with Store(sqlite_database) as store:
        (touch,) = queue(store)

        def lock(received: Received) -> None:
            other.execute("BEGIN IMMEDIATE")

        delivered = send(store, journal, Inbox(on_message=lock))
        assert (delivered.sent, states(store)) == (1, {touch: ("fenced", None)})
        with pytest.raises(Exception, match="holds the database"):
            replay(store, journal)
        assert journal.waiting
        other.close()
        assert replay(store, journal) == 1
        assert facts(store, touch) == [TouchEnded(1, "sent", row(store, touch).words)]


def test_an_answer_in_the_journal_clears_a_doubt(store: Store, journal: Journal) -> None:
    queue(store, 4)
    sent, failed, refused, nothing = fenced(store, lease=timedelta(seconds=-1))
    store.write_now(lambda c: rescue(c, NOW))
    assert {outcome for _, outcome in states(store).values()} == {"in_doubt"}
    keep(
        journal,
        Ending(sent, "sent", "250 ok", "", NOW - HOUR),
        Ending(failed, "failed", "550 5.1.1 no such user", "hard", NOW),
        Deferral(refused, NOW + HOUR, "451 not now"),
    )
    assert replay(store, journal) == 3
    assert [row(store, each.touch).outcome for each in (sent, failed, refused, nothing)] == [
        "sent", "failed", "failed", "in_doubt",
    ]  # fmt: skip
    assert row(store, sent.touch).ended_at == NOW - HOUR
    assert facts(store, refused.touch)[-1] == TouchEnded(1, "failed", "451 not now")


def test_replaying_twice_or_late_does_no_harm(store: Store, journal: Journal) -> None:
    queue(store, 3)
    one, two, three = claimed(store, "first")
    store.write_now(lambda c: fence(c, [one], NOW, key=KEY))
    entries: list[Result] = [Ending(one, "sent", "250 ok"), Deferral(two, NOW + HOUR, "450 later")]
    for _ in range(2):
        keep(journal, *entries)
        assert replay(store, journal) == 2
    assert facts(store, one.touch) == [TouchEnded(1, "sent", "250 ok")]
    assert (row(store, two.touch).state, row(store, two.touch).attempts) == ("deferred", 1)
    # Somebody else has the third touch by now.
    taken = Ending(three._replace(epoch=three.epoch - 1, owner="earlier"), "failed", "550 no")
    keep(journal, taken, Ending(three._replace(touch=three.touch + 1), "sent"))
    assert replay(store, journal) == 2
    assert states(store)[three.touch] == ("claimed", None)


def test_at_the_start_the_journal_speaks_before_anything_is_in_doubt(
    sqlite_database: str, tmp_path: Path
) -> None:
    """A process died after its answer went into the journal; the next one takes over."""
    with Store(sqlite_database) as store:
        world = World(store)
        answered, silent = queue(store, 2)
        keep(journal := Journal(tmp_path / "j"), Ending(fenced(store, "dead")[0], "sent", "250 ok"))
        engine = Engine(
            store=store, shelf=world.shelf, transport=FolderTransport(tmp_path / "out"), journal=journal,
            keys=KEYS, suppression_key=KEY, public="http://127.0.0.1:1", tracked=True, owner="alive",
            log=lambda error: None,
        )  # fmt: skip
        asyncio.run(rescue_orphans(engine, NOW))
        assert states(store) == {answered: ("ended", "sent"), silent: ("ended", "in_doubt")}


def test_one_result_that_cannot_be_kept_spoils_no_other(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    queue(store, 3)
    first, broken, third = fenced(store)

    async def body() -> str:
        recorder = Recorder(store, None, key=KEY, now=lambda: NOW, lease=LEASE)
        recorder.add(Ending(first, "sent", "250 ok"))
        recorder.add(Ending(broken, "sent", "no text: \ud800"))
        recorder.add(Ending(third, "sent", "250 ok"))
        await recorder.close()
        return recorder.trouble

    assert asyncio.run(body()) == ""
    assert [row(store, each.touch).state for each in (first, broken, third)] == ["ended", "fenced", "ended"]
    assert f"Touch {broken.touch}: what became of it cannot be recorded" in caplog.text


def test_one_result_that_cannot_be_kept_keeps_nobody_from_leaving(store: Store) -> None:
    queue(store, 3)
    broken, *others = claimed(store)

    async def body() -> list[Any]:
        recorder = Recorder(store, None, key=KEY, now=lambda: NOW, lease=LEASE)
        recorder.add(Ending(broken, "failed", "no text: \ud800"))
        answers = await recorder.fence(others)
        await recorder.close()
        return answers

    assert asyncio.run(body()) == [Go(), Go()]


def test_an_answer_is_recorded_soon_though_no_fence_comes(store: Store) -> None:
    """One connection waits for a slow server; what the other one heard is in the store meanwhile."""
    queue(store, 2)
    seen: list[int] = []

    async def look() -> None:
        for _ in range(100):
            await asyncio.sleep(0.02)
            outcomes = [outcome for _, outcome in states(store).values()]
            seen.append(outcomes.count("sent"))

    async def body() -> Delivered:
        async with Inbox(faults={("dot", 1): Fault(reply="250 ok", delay=0.5)}) as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=2))
            looking = asyncio.create_task(look())
            delivered = await deliver(store, transport, compose, owner="me", key=KEY, now=lambda: NOW)
            looking.cancel()
            await transport.close()
            return delivered

    assert asyncio.run(body()).sent == 2
    assert seen.count(1) > 5


def test_who_unsubscribed_into_the_journal_is_heard_before_anything_is_fenced(
    store: Store, journal: Journal
) -> None:
    """While the store was held the page could only write to the journal, and said: done."""
    one, two = queue(store, 2)

    def meanwhile(verb: str, k: int) -> Fault | None:
        if verb == "DATA" and not journal.waiting:
            journal.append(unsubscribing.journal_entry(unsubscribing.Unsubscribe(two, "page", NOW)))
        return None

    stopped = send(store, journal, inbox := Inbox(faults=meanwhile))
    assert (stopped.sent, stopped.in_doubt, inbox.ledger) == (0, 0, [])
    assert states(store) == {one: ("queued", None), two: ("queued", None)}
    taker = unsubscribing.taker(store, KEY, lambda: "p", lambda: NOW)
    assert journal.replay({unsubscribing.KIND: taker}) == 1
    assert send(store, journal, later := Inbox()).sent == 1
    assert [each.recipient for each in later.ledger] == ["p0@d.example"]
