"""Chaos on PostgreSQL: three daemons on one database. One is killed or frozen, or the database crashes.

Whoever is killed is started again at once, beside the two that go on.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import select

from nurture.store.outbox import BUSY
from nurture.store.tables import TOUCHES
from tests.chaos.cluster import Cluster, cluster
from tests.chaos.daemon import LEASE
from tests.chaos.daemons import Daemon, Deadline
from tests.chaos.judge import Verdict, at_any_time, at_rest
from tests.chaos.world import World, world

DAEMONS = 3

_GONE = "the database went away"
"""What a daemon says to which the database is lost while it starts."""


def chaos(home: Path, seed: str, cycles: int, crashes: int) -> Verdict:
    """So many kills and freezes of one, and crashes of the database; then everything comes to rest."""
    with cluster() as server, world(home, seed, database=server.url, daemons=DAEMONS) as here:
        what = ["crash"] * crashes + ["kill", "kill", "freeze"] * cycles
        events = what[: crashes + cycles]
        here.dice.shuffle(events)
        with _running(here) as three:
            for event in events:
                _cycle(here, three, server, event)
            _come_to_rest(here, three)
        return at_rest(here, len(events))


def _cycle(here: World, three: list[Daemon], server: Cluster, event: str) -> None:
    here.top_up()
    here.hurry()
    _until(here, three, here.accepted() + here.dice.randint(1, 25))
    time.sleep(here.dice.uniform(0, 0.02))
    victim = _victim(here, three)
    if event == "kill":
        victim.kill()
        three[three.index(victim)] = Daemon(here, victim.place)
    elif event == "freeze":
        victim.freeze()
        _read_for(here, LEASE.total_seconds() + here.dice.uniform(0.5, 1.5))
        victim.thaw()
    else:
        here.suffered.update(daemon.pid for daemon in three)
        server.crash()
    assert not (wrong := at_any_time(here)), (event, wrong)


def _victim(here: World, three: list[Daemon]) -> Daemon:
    """Mostly one that has messages in its hands: it hurts more."""
    busy = here.read(lambda connection: set(connection.scalars(select(TOUCHES.c.owner).where(BUSY))))
    numbers = {owner.split(":")[-2] for owner in busy}
    able = [daemon for daemon in three if str(daemon.pid) in numbers]
    return here.dice.choice(able if able and here.dice.random() < 0.8 else three)


def _until(here: World, three: list[Daemon], accepted: int) -> None:
    """People read and answer until so many messages were accepted, or everything is done."""
    wait = Deadline("messages go out")
    while here.accepted() < accepted and not here.rests():
        here.read_mail()
        _keep_up(here, three)
        wait.pause(0.005)


def _read_for(here: World, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        here.read_mail()
        time.sleep(0.02)


def _keep_up(here: World, three: list[Daemon]) -> None:
    """Start again who could not reach the database while it was down, as systemd does."""
    for index, daemon in enumerate(three):
        if daemon.code is not None:
            told = daemon.told()
            assert daemon.code == 1 and ("Cannot reach the database" in told or _GONE in told), told
            three[index] = Daemon(here, daemon.place)


def _come_to_rest(here: World, three: list[Daemon]) -> None:
    wait, again = Deadline("at rest", here.left), 0.0
    while not (all(daemon.is_up() for daemon in three) and here.rests()):
        if time.monotonic() > again:  # a crash of the database may put messages off at any moment
            here.hurry()
            again = time.monotonic() + 2
        here.read_mail()
        _keep_up(here, three)
        wait.pause()
    for daemon in three:
        daemon.stop()
    for daemon in three:
        assert daemon.wait() == 0, daemon.told()


@contextmanager
def _running(here: World) -> Iterator[list[Daemon]]:
    with ExitStack() as stack:
        three: list[Daemon] = []
        stack.callback(_close, three)
        three.append(Daemon(here, here.places[0]))
        _until_up(three)
        three.extend(Daemon(here, place) for place in here.places[1:])
        _until_up(three)
        yield three


def _until_up(daemons: list[Daemon]) -> None:
    wait = Deadline("up")
    while not all(daemon.is_up() for daemon in daemons):
        for daemon in daemons:
            assert daemon.code is None, daemon.told()
        wait.pause(0.02)


def _close(daemons: list[Daemon]) -> None:
    for daemon in daemons:
        daemon.close()
