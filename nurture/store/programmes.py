"""Programmes in the store: their canonical text by content hash, and the one that is active.

`apply` makes one active for everybody at once; everybody is then woken by `rewake`, a few at a time, so that
no lock is held long. It remembers how far it came: whoever wakes calls it until it says that all is done.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.journey import GONE, OPEN, PROMOTED
from nurture.errors import Mistake
from nurture.store.tables import ACTIVATIONS, ACTIVE, ENROLLMENTS, LIVE, META, PROGRAMMES, PROSPECTS, TOUCHES

if TYPE_CHECKING:  # loading it would load all that reads and renders templates
    from nurture.authoring import Workspace

REWAKE_BATCH = 1000
"""Prospects woken in one transaction: about 10 ms on SQLite."""

APPLIED = "a programme was applied"
"""The wake_reason of a row that `apply` has woken."""

_REWOKEN_TO = "rewoken_to"
# Asked at every turn, so built once.
_CAME_TO = select(META.c.value).where(META.c.key == _REWOKEN_TO)
_LOCK_CAME_TO = _CAME_TO.with_for_update()
_ACTIVE = select(ACTIVE.c.programme, ACTIVE.c.serial, ACTIVE.c.readings)


class Active(NamedTuple):
    """The active programme's hash, and the serial number and contents of its readings."""

    programme: str
    serial: int
    readings: Mapping[str, Any]


class Activation(NamedTuple):
    """A programme became active."""

    programme: str
    at: datetime


class InUse(NamedTuple):
    """What somebody is in or waits for, each with how many they are."""

    sequences: Mapping[str, int]
    stages: Mapping[str, int]
    pieces: Mapping[str, int]


def is_any_active(connection: Connection) -> bool:
    """Whether a programme was ever applied."""
    return connection.scalar(select(ACTIVE.c.id)) is not None


def active(connection: Connection) -> Active:
    """What a wake reads. Mistake where nothing was applied yet."""
    row = connection.execute(_ACTIVE).one_or_none()
    if row is None:
        raise Mistake("No programme is active in this database yet: run `nurture apply`.")
    return Active._make(row)


def text(connection: Connection, hash: str) -> dict[str, str]:
    """The canonical text of all files of a programme that was active once. Raises LookupError."""
    files: dict[str, str] | None = connection.scalar(
        select(PROGRAMMES.c.files).where(PROGRAMMES.c.hash == hash)
    )
    if files is None:
        raise LookupError(f"no programme {hash} was ever applied")
    return files


def apply(connection: Connection, workspace: "Workspace", now: datetime) -> bool:
    """Make the workspace's programme the active one; False if it is already.

    Raises Mistake where it lacks a sequence, stage or piece that somebody is in or waits for. Call `rewake`
    afterwards until it is done.
    """
    _lock_active(connection)
    before = connection.scalar(select(ACTIVE.c.programme))
    if before == workspace.hash:
        return False
    _refuse_losses(in_use(connection), workspace)
    store_text(connection, workspace.hash, workspace.files, now)
    activate(connection, workspace.hash, now)
    return True


def store_text(connection: Connection, hash: str, files: Mapping[str, str], now: datetime) -> None:
    """Keep the text of a programme; a second time changes nothing."""
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"hash": hash, "files": dict(files), "stored_at": now}
    connection.execute(kind.insert(PROGRAMMES).on_conflict_do_nothing(), [row])


def activate(connection: Connection, hash: str, now: datetime) -> None:
    """Make a stored programme the active one, and everybody to be woken, from the first on."""
    connection.execute(insert(ACTIVATIONS).values(programme=hash, at=now))
    if connection.execute(update(ACTIVE).values(programme=hash)).rowcount == 0:
        connection.execute(insert(ACTIVE).values(id=1, programme=hash, serial=0, readings={}))
    _remember(connection, 0)


def rewake(connection: Connection, now: datetime, limit: int = REWAKE_BATCH) -> bool:
    """Wake some more of those whom the newest activation concerns; False when all are woken.

    These are all whom the engine looks at by itself: new, nurturing, resting, promoted. The others wait for
    a fact, under whichever programme.
    """
    came_to = connection.scalar(_LOCK_CAME_TO)
    if came_to is None:
        return False
    looked_at = PROSPECTS.c.lifecycle.in_((*OPEN, PROMOTED))
    later = select(PROSPECTS.c.id).where(PROSPECTS.c.id > int(came_to), looked_at)
    ids = connection.scalars(later.order_by(PROSPECTS.c.id).limit(limit).with_for_update()).all()
    if not ids:
        connection.execute(delete(META).where(META.c.key == _REWOKEN_TO))
        return False
    asleep = PROSPECTS.c.wake_at.is_(None) | (PROSPECTS.c.wake_at > now)
    these = update(PROSPECTS).where(PROSPECTS.c.id.between(ids[0], ids[-1]), looked_at, asleep)
    connection.execute(these.values(wake_at=now, wake_reason=APPLIED))
    _remember(connection, ids[-1])
    return True


def is_rewaking(connection: Connection) -> bool:
    """Whether somebody is still to be woken after the newest activation."""
    return connection.scalar(_CAME_TO) is not None


def activations(connection: Connection) -> Sequence[Activation]:
    """Which programme became active when, in order."""
    rows = select(ACTIVATIONS.c.programme, ACTIVATIONS.c.at).order_by(ACTIVATIONS.c.id)
    return [Activation._make(row) for row in connection.execute(rows)]


def active_at(connection: Connection, moment: datetime) -> str | None:
    """The hash of the programme that was active at a moment; None before the first."""
    until_then = select(ACTIVATIONS.c.programme).where(ACTIVATIONS.c.at <= moment)
    return connection.scalar(until_then.order_by(ACTIVATIONS.c.id.desc()).limit(1))


def in_use(connection: Connection) -> InUse:
    """The sequences people are in, the stages they stand in, the pieces on their way to them."""
    there = select(PROSPECTS.c.stage, func.count()).where(
        PROSPECTS.c.lifecycle != GONE, PROSPECTS.c.stage != ""
    )
    on_their_way = select(TOUCHES.c.piece, func.count()).where(TOUCHES.c.state.in_(LIVE))
    enrolled = select(ENROLLMENTS.c.sequence, func.count())
    return InUse(
        sequences=_counted(connection, enrolled.group_by(ENROLLMENTS.c.sequence)),
        stages=_counted(connection, there.group_by(PROSPECTS.c.stage)),
        pieces=_counted(connection, on_their_way.group_by(TOUCHES.c.piece)),
    )


def on_their_way(connection: Connection) -> Sequence[str]:
    """The programmes under which messages on their way were chosen."""
    return connection.scalars(select(TOUCHES.c.programme).where(TOUCHES.c.state.in_(LIVE)).distinct()).all()


def _refuse_losses(used: InUse, workspace: "Workspace") -> None:
    programme = workspace.programme
    here = {
        "sequence": (used.sequences, {sequence.id for sequence in programme.sequences}),
        "stage": (used.stages, set(programme.stages.order)),
        "piece": (used.pieces, set(programme.pieces)),
    }
    lost = [
        f"the {what} {name} ({count} {'prospect is' if count == 1 else 'prospects are'} in it)"
        for what, (names, kept) in here.items()
        for name, count in sorted(names.items())
        if name not in kept
    ]
    if lost:
        raise Mistake(f"Not applied: the files no longer have {', '.join(lost)}. Bring back what is in use.")


def _counted(connection: Connection, query: Any) -> dict[str, int]:
    return {str(name): int(count) for name, count in connection.execute(query)}


def _lock_active(connection: Connection) -> None:
    """Two that apply at once come one after the other; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE active IN SHARE ROW EXCLUSIVE MODE")


def _remember(connection: Connection, last: int) -> None:
    changed = connection.execute(update(META).where(META.c.key == _REWOKEN_TO).values(value=str(last)))
    if changed.rowcount == 0:
        connection.execute(insert(META).values(key=_REWOKEN_TO, value=str(last)))
