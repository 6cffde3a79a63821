"""Chaos on SQLite: one daemon, killed at every named point and at random instants, and started again."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from nurture.failpoints import POINTS
from tests.chaos.daemons import Daemon, Deadline
from tests.chaos.judge import Verdict, at_any_time, at_rest
from tests.chaos.world import SALES, Links, World, links_in, world

AT_BIRTH = ("migration.before", "migration.after")
"""Points that are reached before there is a database."""

_NEEDS_NEW_PEOPLE = ("sales", "unsubscribe", "journal", "hit")
"""Points that need somebody who asks for sales, or who has not had enough."""

_EVERY_MESSAGE = ("mail", "rcpt", "data", "354", "body", "half", "dot", "answer")
OFTEN = {
    **{f"smtp.{step}": 8 for step in _EVERY_MESSAGE},
    **{f"smtp.{step}": 4 for step in ("connect", "ehlo", "starttls", "auth")},
    **{f"{work}.{side}": 6 for work in ("commit", "fence", "record") for side in ("before", "after")},
    **{f"{work}.{side}": 2 for work in ("claim", "wake") for side in ("before", "after")},
}  # fmt: skip
"""How often a point is surely reached in one cycle, where that is more than once."""


def points(home: Path, seed: str, some: Sequence[str] = tuple(POINTS)) -> Verdict:
    """Kill a daemon at its first start, then at each of these points, then let everything come to rest."""
    with world(home, seed) as here:
        order = [point for point in some if point not in AT_BIRTH]
        here.dice.shuffle(order)
        for point in AT_BIRTH:
            at_point(here, point)
        first_start(here)
        for point in order:
            at_point(here, point)
        return rest(here, len(AT_BIRTH) + len(order))


def at_point(here: World, point: str) -> None:
    """One cycle. Raises AssertionError where the point is never reached, or something is broken."""
    if point not in AT_BIRTH:
        prepare(here, point)
    armed = f"{point}:{here.dice.randint(1, OFTEN.get(point, 1))}:kill"
    with running(here, point=armed) as daemon:
        here.suffered[daemon.pid] += 1
        code = live(here, daemon, _STIMULI.get(point.partition(".")[0]))
        assert code == -9, f"{armed} was never reached, it ended with {code}\n{daemon.told()}"
    # What the journal has promised holds from the next start on; until then the store could not know.
    here.asked.update((prospect, datetime.now(UTC)) for prospect in here.pressed & here.asked.keys())
    here.pressed.clear()
    if point not in AT_BIRTH:
        assert not (wrong := at_any_time(here)), (armed, wrong)


def random_instants(home: Path, seed: str, cycles: int) -> Verdict:
    """Kill a daemon at instants that nobody chose, then let everything come to rest.

    One in five is `nurture run` as it is, the others are in a hurry.
    """
    with world(home, seed) as here:
        first_start(here)
        for _ in range(cycles):
            at_random(here)
        return rest(here, cycles)


def at_random(here: World) -> None:
    """One cycle: mostly while messages are on their way, sometimes while it starts."""
    prepare(here, "")
    with running(here, command=here.dice.random() < 0.2) as daemon:
        more, wait = here.accepted() + here.dice.randint(1, 20), Deadline("messages go out")
        early = time.monotonic() + here.dice.uniform(0.2, 1.5) if here.dice.random() < 0.2 else None
        while here.accepted() < more and (early is None or time.monotonic() < early) and not here.rests():
            assert daemon.code is None, daemon.told()
            here.read_mail()
            wait.pause(0.002)
        time.sleep(here.dice.uniform(0, 0.02))
        daemon.kill()
    assert not (wrong := at_any_time(here)), wrong


def rest(here: World, cycles: int) -> Verdict:
    """Start it once more, see that everything comes to its end, stop it, and judge."""
    here.hurry()
    with running(here) as daemon:
        assert live(here, daemon) == 0, daemon.told()
    return at_rest(here, cycles)


def prepare(here: World, point: str) -> None:
    """See that there is something to do for what is going to be killed."""
    here.top_up(surely=point.startswith(_NEEDS_NEW_PEOPLE))
    here.hurry()
    if point.startswith("tend"):
        here.make_late()
    if point.startswith("settle"):
        here.make_hits()
    if point.startswith("fetch"):
        here.make_absence()


def live(here: World, daemon: Daemon, stimulus: Callable[[World], None] | None = None) -> int:
    """People read their mail and answer until the daemon is dead; at rest it is asked to stop."""
    wait, asked = Deadline("dead or at rest", here.left), False
    while daemon.code is None:
        here.read_mail()
        if stimulus is not None and daemon.is_up() and _somebody(here) is not None:
            stimulus(here)
            stimulus = None
        elif not asked and stimulus is None and daemon.is_up() and here.rests():
            daemon.stop()
            asked = True
        wait.pause()
    return daemon.wait()


@contextmanager
def running(here: World, *, point: str = "", command: bool = False) -> Iterator[Daemon]:
    """A daemon that surely is gone afterwards."""
    daemon = Daemon(here, here.places[0], point=point, command=command)
    try:
        yield daemon
    finally:
        daemon.close()


def first_start(here: World) -> None:
    """The daemon makes the database, or goes on with what a kill has left of it."""
    with running(here) as daemon:
        _wait(daemon.is_up, daemon, "up")
        daemon.stop()
        assert daemon.wait() == 0, daemon.told()


def _wait(what: Callable[[], bool], daemon: Daemon, name: str) -> None:
    wait = Deadline(name)
    while not what():
        assert daemon.code is None, daemon.told()
        wait.pause(0.02)


def _somebody(here: World) -> Links | None:
    """The newest message of somebody who still wants to hear from us."""
    for received in reversed(here.inbox.ledger):
        if received.recipient != SALES:
            links = links_in(here.keys, received)
            if links.touch >> 20 not in here.asked.keys() | here.pressed:
                return links
    return None


def _unsubscribe(here: World) -> None:
    links = _somebody(here)
    assert links is not None
    here.unsubscribe(links)


def _click(here: World) -> None:
    links = _somebody(here)
    assert links is not None
    here.click(links)


def _unsubscribe_while_locked(here: World) -> None:
    """The store cannot take it: it is kept beside the store, and promised."""
    links = _somebody(here)
    assert links is not None
    here.pressed.add(links.touch >> 20)
    with here.locked():
        here.unsubscribe(links)


_STIMULI: dict[str, Callable[[World], None]] = {
    "journal": _unsubscribe_while_locked,
    "checkpoint": World.inflate,
    "unsubscribe": _unsubscribe,
    "hit": _click,
}
"""What brings a point about that a message alone does not, by the first part of its name."""
