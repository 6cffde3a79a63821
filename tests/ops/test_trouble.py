"""Full disks, a held database, a server that is away, a poisoned prospect: it pauses, and goes on by itself.

NURTURE_FULL is how often the disk gets full in each of the two ways: 5 in CI, 100 for the long version
(`NURTURE_FULL=100 pytest tests/ops/test_trouble.py -k full`).
"""

import asyncio
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from nurture import clock
from nurture.delivery.tokens import Keys
from nurture.delivery.transports.smtp import Account, SmtpTransport
from nurture.engine import Engine, next_moment, run_all
from nurture.engine.wake import QUARANTINED
from nurture.simulation.inbox import Fault, Inbox
from nurture.store import Store
from nurture.store.journal import Journal
from nurture.store.tables import PROSPECTS, TOUCHES
from tests.cli.workspace import ROOT
from tests.ops.living import populate
from tests.shell.daemon_world import (
    PATIENCE,
    differences,
    edit,
    public,
    receiver,
    set_port,
    states,
    stop,
    wait_for,
)
from tests.shell.engine_world import DAY, HOUR, MINUTE, START, World

pytestmark = pytest.mark.slow

TIMES = int(os.environ.get("NURTURE_FULL", "5"))
A_TIME = 10
"""Messages between two times that the disk gets full."""
PEOPLE = A_TIME * (TIMES + 1)


@contextmanager
def daemon(folder: Path, full: Path) -> Iterator["subprocess.Popen[str]"]:
    """A hurried `nurture run`, whose database may not grow while the file `full` is there."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FULL": str(full)}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.ops.hurried"], cwd=folder, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as running:  # fmt: skip
        try:
            wait_for(lambda: ready(folder)[0], running)
            yield running
        finally:
            if running.poll() is None:
                running.kill()
            running.communicate()


def ready(folder: Path) -> tuple[int, str]:
    """What /readyz answers; 0 where nobody does."""
    try:
        with urlopen(f"{public(folder)}/readyz", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as answer:
        return answer.code, answer.read().decode()
    except OSError:
        return 0, ""


@pytest.fixture(scope="module")
def crowded(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many people as the disk gets full for."""
    return populate(begun, tmp_path_factory.mktemp("crowd") / "mine", PEOPLE)


@pytest.fixture
def crowd(crowded: Path, tmp_path: Path) -> Path:
    folder = shutil.copytree(crowded, tmp_path / "mine")
    set_port(folder)
    return folder


def goes_on(folder: Path) -> None:
    """It is ready again by itself."""
    deadline = time.monotonic() + 15
    while (said := ready(folder))[0] != 200:
        assert time.monotonic() < deadline, (said, states(folder))
        time.sleep(0.1)


def slowly(verb: str, k: int) -> Fault | None:
    """About fifteen messages a second over two connections."""
    return Fault(delay=0.1) if verb == "MAIL" else None


def check(folder: Path) -> None:
    """The file is whole, and everything is accounted for."""
    with closing(sqlite3.connect(folder / "nurture.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert differences(folder) == []


@pytest.mark.parametrize("way", ["files may not grow", "the database may not grow"])
def test_a_full_disk_pauses_sending_and_room_resumes_it(crowd: Path, tmp_path: Path, way: str) -> None:
    """At many places: files end a little after where they are, the database at the page where it is."""
    full, random, seen = tmp_path / "full", Random(7), 0
    log = crowd / "nurture.db-wal"

    def fill(running: "subprocess.Popen[str]", turn: int) -> None:
        if way == "the database may not grow":
            full.touch()
            return
        room = random.randrange(log.stat().st_size + 20_000) if turn % 2 else random.randrange(4_000)
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        deadline = time.monotonic() + 2
        while "full" not in ready(crowd)[1]:
            if time.monotonic() > deadline:  # the log was begun anew, and has room before that place
                resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
            time.sleep(0.05)
            assert time.monotonic() < deadline + PATIENCE
        assert ready(crowd)[0] == 503

    def make_room(running: "subprocess.Popen[str]") -> None:
        full.unlink(missing_ok=True)
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    with receiver(slowly) as inbox:
        edit(crowd / "nurture.toml", port=str(inbox.port))
        with daemon(crowd, full) as running:
            for turn in range(TIMES):
                wait_for(lambda turn=turn: len(inbox.ledger) >= turn * A_TIME, running)  # type: ignore[misc]
                fill(running, turn)
                time.sleep(0.3)  # what was on its way ends
                before = len(inbox.ledger)
                time.sleep(0.3)
                seen += ready(crowd)[0] == 503
                if way == "files may not grow" and turn % 2 == 0:
                    assert len(inbox.ledger) == before, "nothing leaves that cannot be recorded"
                make_room(running)
                goes_on(crowd)
            wait_for(lambda: states(crowd)["sent"] == PEOPLE, running)
            done, _ = stop(running)
        assert done.code == 0
        assert seen, "a database with free pages of its own is not full each time"
        assert len(inbox.ledger) == PEOPLE
        assert inbox.duplicates() == 0
    assert states(crowd) == {"sent": PEOPLE}
    check(crowd)


def test_a_database_that_somebody_holds_is_waited_for(crowd: Path, tmp_path: Path) -> None:
    """For a tenth of a second, two and eight, while messages leave."""
    with receiver(slowly) as inbox:
        edit(crowd / "nurture.toml", port=str(inbox.port))
        with daemon(crowd, tmp_path / "full") as running:
            for turn, seconds in enumerate((0.1, 2, 8)):
                wait_for(lambda turn=turn: len(inbox.ledger) > turn * A_TIME, running)  # type: ignore[misc]
                with closing(
                    sqlite3.connect(crowd / "nurture.db", timeout=10, isolation_level=None)
                ) as other:
                    other.execute("BEGIN IMMEDIATE")
                    time.sleep(seconds)
                    if seconds > 5:
                        assert ready(crowd)[0] == 503
                        assert "busy" in ready(crowd)[1]
                    other.execute("ROLLBACK")
            wait_for(lambda: states(crowd)["sent"] == PEOPLE, running)
            assert stop(running)[0].code == 0
        assert inbox.duplicates() == 0
    assert states(crowd) == {"sent": PEOPLE}
    check(crowd)


class Days:
    """An engine in virtual time, over a server that may be away."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.world, self.folder, self.said = World(store), folder, list[str]()
        self.inbox = Inbox()

    async def live(self, begin: object, end: object, *, away: bool = False) -> None:
        """Everything that is due from `begin` until `end`, at its time."""
        now = begin
        while now is not None and now <= end:  # type: ignore[operator]
            with clock.virtual(now):  # type: ignore[arg-type]
                port = 1 if away else self.inbox.port
                transport = SmtpTransport(Account("127.0.0.1", port, security="none", connections=5))
                engine = Engine(
                    store=self.world.store, shelf=self.world.shelf, transport=transport,
                    journal=Journal(self.folder / "journal"), keys=Keys("k1", {"k1": b"k" * 32}),
                    suppression_key=b"s" * 32, public="http://127.0.0.1:1", tracked=True, owner="test",
                    log=self.said.append,
                )  # fmt: skip
                await run_all(engine, now)  # type: ignore[arg-type]
                await transport.close()
            moment = self.world.store.read(next_moment)
            now = None if moment is None else max(moment, now + MINUTE)  # type: ignore[operator]


def test_a_server_that_is_away_for_six_hours_costs_nobody_a_try(store: Store, tmp_path: Path) -> None:
    days = Days(store, tmp_path)
    people = [days.world.enter(f"p{i}") for i in range(20)]

    async def go() -> None:
        async with days.inbox:
            await days.live(START, START + 6 * HOUR, away=True)
            assert {(row.state, row.attempts) for row in days.world.rows(TOUCHES)} == {("deferred", 0)}
            await days.live(START + 6 * HOUR, START + DAY)

    asyncio.run(go())
    ends = [days.world.touches(person)[0] for person in people]
    assert {(row.outcome, row.attempts) for row in ends} == {("sent", 1)}
    assert all(row.opens <= row.ended_at < row.closes for row in ends), "in its window"
    assert len(days.inbox.ledger) == len(people)
    assert {said.partition(":")[0] for said in days.said} == {"Sending stopped for now"}


def test_a_poisoned_prospect_is_set_aside_and_the_others_go_on(store: Store, tmp_path: Path) -> None:
    """Five errors in a row, at growing distances; then it waits for a person."""
    days = Days(store, tmp_path)
    bad, good = days.world.enter("bad"), days.world.enter("good")

    async def go() -> None:
        async with days.inbox:
            await days.live(START, START)
            days.world.change(PROSPECTS, PROSPECTS.c.id == bad, snapshot=b"x", wake_at=START + MINUTE)
            await days.live(START + MINUTE, START + 5 * DAY)

    asyncio.run(go())
    row = days.world.row(bad)
    assert (row.errors, row.wake_at) == (5, None)
    assert row.wake_reason.startswith(QUARANTINED)
    assert len([said for said in days.said if said.startswith(f"prospect {bad}:")]) == 5
    assert days.world.row(good).errors == 0
    assert len(days.world.touches(good)) > 1
