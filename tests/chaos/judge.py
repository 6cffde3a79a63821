"""What must be true after any crash, by the server's ledger and the database alone.

Always, even while daemons run: no Message-ID was accepted twice; what was accepted is fenced, sent or in
doubt; what is called sent was accepted; nothing is fenced after its person was told that it is over.
At rest, too: every touch has its one end, no promise of the web was lost, sales has heard of every lead, and
everything folds anew to what is stored.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from nurture.core.facts import TouchEnded
from nurture.drafting.codec import decode_body
from nurture.engine.verifying import verify
from nurture.store import reasons_of
from nurture.store.tables import FACTS, HANDOFFS, HITS, PROSPECTS, TOUCHES, touch_id
from tests.chaos.world import CONNECTIONS, World


class Totals(NamedTuple):
    """What chaos came to. `most`: in doubt after one kill."""

    cycles: int = 0
    accepted: int = 0
    duplicates: int = 0
    lost: int = 0
    in_doubt: int = 0
    most: int = 0

    def plus(self, other: "Totals") -> "Totals":
        """Both together."""
        most = max(self.most, other.most)
        sums = {name: getattr(self, name) + getattr(other, name) for name in self._fields}
        return Totals(**{**sums, "most": most})

    def line(self, database: str) -> str:
        """The one line."""
        return (
            f"{database}: cycles {self.cycles}  accepted {self.accepted}  duplicates {self.duplicates}  "
            f"lost {self.lost}  in doubt {self.in_doubt}  most in doubt after one kill {self.most}"
        )


class Verdict(NamedTuple):
    """Totals, and everything that should not be, as sentences."""

    totals: Totals
    wrong: tuple[str, ...]


_POSSIBLE = ("fenced", "sent", "in_doubt")
"""Where a touch may stand whose message was accepted."""


def at_any_time(world: World) -> tuple[str, ...]:
    """What should not be, whatever runs now."""
    before = {id: len(some) for id, some in world.letters().items()}
    touches = world.read(_touches)
    after = set(world.letters())
    return tuple(_broken(world, touches, before, after))


def at_rest(world: World, cycles: int) -> Verdict:
    """The whole judgement, when nothing runs and nothing is left to do."""
    letters, touches = world.letters(), world.read(_touches)
    wrong = [*_broken(world, touches, {id: len(some) for id, some in letters.items()}, set(letters))]
    wrong += _unfinished(touches)
    wrong += world.read(lambda connection: [*_promises(world, connection), *_verified(world, connection)])
    doubtful = world.read(_doubtful)
    by_process = Counter(touches[touch].owner for touch in doubtful)
    for owner, count in by_process.items():
        times = world.suffered[_pid(owner)]
        if count > times * CONNECTIONS:
            wrong.append(f"{owner} left {count} in doubt after {times} kills")
    most = max(
        (-(-count // max(1, world.suffered[_pid(owner)])) for owner, count in by_process.items()), default=0
    )
    lost = sum(_standing(row) != "sent" and row.state != "ended" for row in touches.values())
    lost += sum(_standing(row) == "sent" and world.id_of(id) not in letters for id, row in touches.items())
    duplicates = sum(len(some) - 1 for some in letters.values())
    totals = Totals(cycles, len(world.inbox.ledger), duplicates, lost, len(doubtful), most)
    return Verdict(totals, tuple(wrong))


def _touches(connection: Connection) -> dict[int, Any]:
    columns = ("id", "prospect", "state", "outcome", "fenced_at", "owner")
    return {row.id: row for row in connection.execute(select(*(TOUCHES.c[name] for name in columns)))}


def _standing(row: Any) -> str:
    return str(row.outcome or row.state)


def _broken(
    world: World, touches: Mapping[int, Any], before: Mapping[str, int], after: set[str]
) -> Iterator[str]:
    ids = {world.id_of(touch): touch for touch in touches}
    for id, times in before.items():
        if times > 1:
            yield f"touch {ids.get(id)} was accepted {times} times"
        if id not in ids:
            yield f"{id} was accepted and is no touch of ours"
        elif _standing(touches[ids[id]]) not in _POSSIBLE:
            yield f"touch {ids[id]} was accepted and is {_standing(touches[ids[id]])}"
    for id, touch in ids.items():
        row = touches[touch]
        if _standing(row) == "sent" and id not in after:
            yield f"touch {touch} is called sent and was never accepted"
        told = world.asked.get(row.prospect)
        if told is not None and row.fenced_at is not None and row.fenced_at > told:
            yield f"touch {touch} was fenced at {row.fenced_at}, its person was told before, at {told}"


def _unfinished(touches: Mapping[int, Any]) -> Iterator[str]:
    for id, row in touches.items():
        if row.state != "ended":
            yield f"touch {id} has no end: {row.state}"


def _promises(world: World, connection: Connection) -> Iterator[str]:
    """What was answered by HTTP or is owed to sales."""
    unsubscribed = set(connection.scalars(select(FACTS.c.prospect).where(FACTS.c.kind == "Unsubscribed")))
    addresses = {
        row.id: row.address for row in connection.execute(select(PROSPECTS.c.id, PROSPECTS.c.address))
    }
    silenced = reasons_of(
        connection, world.suppression_key, {address for address in addresses.values() if address}
    )
    for prospect in world.asked:
        if prospect not in unsubscribed or addresses[prospect] not in silenced:
            yield f"prospect {prospect} was told that it is over, and nothing says so"
    clicks = (
        select(HITS.c.touch, func.count().label("clicks"))
        .where(HITS.c.kind == "click")
        .group_by(HITS.c.touch)
    )
    kept: dict[int | None, int] = {row.touch: row.clicks for row in connection.execute(clicks)}
    for touch, count in world.clicked.items():
        if kept.get(touch, 0) < count:
            yield f"{count} clicks on touch {touch} were answered, {kept.get(touch, 0)} are kept"
    mailed, owed = len(world.sales()), connection.scalar(select(func.count()).select_from(HANDOFFS)) or 0
    if mailed != owed:
        yield f"there are {owed} handoffs, sales has heard of {mailed}"
    away = connection.scalar(select(func.count()).select_from(FACTS).where(FACTS.c.kind == "Away"))
    if away != len(world.absences):
        yield f"{len(world.absences)} absences lay in the maildir, {away} were taken"


def _verified(world: World, connection: Connection) -> Iterator[str]:
    yield from verify(connection, world.shelf).differences


def _doubtful(connection: Connection) -> set[int]:
    """Every touch that ever was in doubt, also where evidence has settled it since."""
    rows = connection.execute(select(FACTS).where(FACTS.c.kind == "TouchEnded"))
    ends = [(row.prospect, decode_body(row.kind, row.body)) for row in rows]
    return {
        touch_id(prospect, body.touch)
        for prospect, body in ends
        if isinstance(body, TouchEnded) and body.outcome == "in_doubt"
    }


def _pid(owner: str) -> int:
    """The number of the process that owned a touch; 0 where none did, which never has suffered anything."""
    return int(owner.split(":")[-2]) if owner else 0
