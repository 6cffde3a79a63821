"""Claiming: which touches may leave now, taken by one owner under a new epoch, at the pace of `paces.py`.

Lines that move on come first, half of a claim at most, then whoever is due, the longest due first. Who finds
no room stands in line, and is not seen again until the line has moved up to him: an excess costs one look.
While it stands there its row is due when its opening closes, so that it gets its next one like any other.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import json
from sqlalchemy import Connection

from nurture import failpoints
from nurture.store import sql
from nurture.store.limits import UNLIMITED, Limits, receiver_of
from nurture.store.outbox import LEASE, bar, is_postgres
from nurture.store.pacerows import as_text
from nurture.store.paces import Gate, gate
from nurture.store.suppressions import reasons_of
from nurture.store.touches import Claim, Refused

MOST_IN_LINE = 2000
"""About so many touches are put in line by one claim at most: more would hold the database for long."""


class Claimed(NamedTuple):
    """What a claim took: touches to send, and touches that turned out not to be wanted.

    `lined_up`: how many were put in line instead. Where there are some, more may be due: claim again.
    """

    ready: list[Claim]
    barred: list[tuple[Claim, Refused]]
    lined_up: int = 0


def claim_touches(
    connection: Connection,
    now: datetime,
    limit: int,
    *,
    owner: str,
    key: bytes,
    lease: timedelta = LEASE,
    limits: Limits = UNLIMITED,
) -> Claimed:
    """Take up to `limit` touches that may leave now.

    `owner` must be this process's alone; `lease` counts on PostgreSQL only, by the database's clock. `key`
    is the suppression key: whom we must not mail is found before anything is composed, and uses up no pace.
    """
    with gate(connection, limits, now) as passing:
        claiming = _Claiming(connection, passing, now, owner, key, lease)
        for line in passing.lines():
            claiming.move(line, (limit + 1) // 2)
        while (room := limit - claiming.count) > 0 and claiming.lined_up < MOST_IN_LINE:
            if claiming.from_due(room) < room:
                break
    failpoints.hit("claim.before")
    return Claimed(claiming.ready, claiming.barred, claiming.lined_up)


class _Claiming:
    """One claim in its transaction."""

    def __init__(
        self, connection: Connection, passing: Gate, now: datetime, owner: str, key: bytes, lease: timedelta
    ) -> None:
        self._statements: _Sqlite | _Postgres = _Postgres() if is_postgres(connection) else _Sqlite()
        self._connection, self._driver = connection, sql.of(connection)[1]
        self._passing, self._now, self._owner, self._key, self._lease = passing, now, owner, key, lease
        self.ready: list[Claim] = []
        self.barred: list[tuple[Claim, Refused]] = []
        self.lined_up = 0

    @property
    def count(self) -> int:
        """How many are taken."""
        return len(self.ready) + len(self.barred)

    def move(self, line: str, most: int) -> None:
        """Let the first of a line go, until `most` are taken in all."""
        room = most - self.count
        if room < 1:
            return  # the next claim goes on here
        number = min(self._passing.moving(line), room)
        rows = self._statements.in_line(self._driver, self._now, line, number + 1)
        staying = self._sort_out(rows[:number], line)
        self._passing.waits(line, still=staying > 0 or len(rows) > number)

    def from_due(self, most: int) -> int:
        """Take those who are due, or put them in line; how many were looked at."""
        rows = self._statements.due(self._driver, self._now, most)
        self._sort_out(rows, None)
        return len(rows)

    def _sort_out(self, rows: Sequence[Any], line: str | None) -> int:
        """Take rows or put them in line; how many stay in the `line` they are in."""
        claims = [_as_claim(row, self._owner) for row in rows]
        addresses = {claim.address for claim in claims if claim.address}
        silenced = reasons_of(self._connection, self._key, addresses)
        receivers = {address: receiver_of(address) for address in addresses}
        self._passing.look(receivers.values())
        taken: list[int] = []
        into: list[tuple[int, str, str]] = []
        staying = 0
        for row, claim in zip(rows, claims, strict=True):
            refused = bar(claim.address, silenced, bool(row[-1]))
            if refused is not None:
                self.barred.append((claim, refused))
            elif (queue := self._passing.let(receivers[claim.address], line=line)) is None:
                self.ready.append(claim)
            elif queue == line:
                staying += 1
                continue
            else:
                into.append((claim.touch, queue, self._passing.why(queue)))
                continue
            taken.append(claim.touch)
        if taken:
            self._statements.take(self._driver, taken, self._owner, self._lease)
        if into:
            self._statements.put_in_line(self._driver, into)
            self.lined_up += len(into)
        return staying


_COLUMNS = {
    "touch": "t.id",
    "due_at": "coalesce(t.in_line_since, t.due_at)",
    **{name: f"p.{name}" for name in ("address", "account", "kind", "personal", "snapshot")},
}
_ROWS = (
    f"SELECT {', '.join(_COLUMNS.get(name, f't.{name}') for name in Claim._fields)}, t.cancelled "  # noqa: S608
    "FROM touches AS t JOIN prospects AS p ON p.id = t.prospect WHERE t.state IN ('queued', 'deferred') "
)
_DUE = _ROWS + (
    "AND t.due_at <= ? AND t.opens <= ? AND t.closes > ? AND t.expires > ? ORDER BY t.due_at, t.id LIMIT ?"
)
_IN_LINE = _ROWS + (
    "AND t.line IS NOT NULL AND t.line = ? AND t.opens <= ? AND t.closes > ? AND t.expires > ? "
    "ORDER BY t.in_line_since, t.id LIMIT ?"
)
_TAKE = (
    "UPDATE touches SET state = 'claimed', owner = ?, epoch = epoch + 1, attempts = attempts + 1, "
    "due_at = coalesce(in_line_since, due_at), line = NULL, in_line_since = NULL, "
)
_PUT_IN_LINE = (
    "UPDATE touches SET in_line_since = coalesce(in_line_since, due_at), "
    "due_at = CASE WHEN closes < expires THEN closes ELSE expires END, "
)
_AT = {name: number for number, name in enumerate(Claim._fields)}
_INSTANTS = tuple(_AT[name] for name in ("chosen_at", "opens", "closes", "expires", "due_at"))


class _Sqlite:
    """As in `sql.py`: given straight to the driver, with any number of ids as one parameter."""

    def due(self, driver: Any, now: datetime, most: int) -> list[Any]:
        moment = sql.stored_instant(now)
        rows: list[Any] = driver.execute(_DUE, (moment, moment, moment, moment, most)).fetchall()
        return rows

    def in_line(self, driver: Any, now: datetime, line: str, most: int) -> list[Any]:
        moment = sql.stored_instant(now)
        rows: list[Any] = driver.execute(_IN_LINE, (line, moment, moment, moment, most)).fetchall()
        return rows

    def take(self, driver: Any, touches: Sequence[int], owner: str, lease: timedelta) -> None:
        which = "lease_until = NULL WHERE id IN (SELECT value FROM json_each(?))"
        driver.execute(_TAKE + which, (owner, as_text(touches)))

    def put_in_line(self, driver: Any, rows: Sequence[tuple[int, str, str]]) -> None:
        driver.execute(
            _PUT_IN_LINE + "line = json_extract(j.value, '$[1]'), "
            "words = CASE WHEN words = '' THEN json_extract(j.value, '$[2]') ELSE words END "
            "FROM json_each(?) AS j WHERE touches.id = json_extract(j.value, '$[0]')",
            (as_text(rows),),
        )


class _Postgres:
    """Rows that somebody else holds are passed over."""

    def due(self, driver: Any, now: datetime, most: int) -> list[Any]:
        rows: list[Any] = driver.execute(_skipping(_DUE), (now, now, now, now, most)).fetchall()
        return rows

    def in_line(self, driver: Any, now: datetime, line: str, most: int) -> list[Any]:
        rows: list[Any] = driver.execute(_skipping(_IN_LINE), (line, now, now, now, most)).fetchall()
        return rows

    def take(self, driver: Any, touches: Sequence[int], owner: str, lease: timedelta) -> None:
        query = _TAKE.replace("?", "%s") + "lease_until = now() + %s WHERE id = ANY(%s)"
        driver.execute(query, (owner, lease, list(touches)))

    def put_in_line(self, driver: Any, rows: Sequence[tuple[int, str, str]]) -> None:
        driver.execute(
            _PUT_IN_LINE + "line = j.line, words = CASE WHEN words = '' THEN j.said ELSE words END "
            "FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS j (touch, line, said) "
            "WHERE touches.id = j.touch",
            tuple(list(column) for column in zip(*rows, strict=True)),
        )


def _skipping(query: str) -> str:
    return query.replace("?", "%s") + " FOR UPDATE OF t SKIP LOCKED"


def _as_claim(row: Sequence[Any], owner: str) -> Claim:
    """A row of `_ROWS`, ours from now on."""
    values = list(row[:-1])
    for place in _INSTANTS:
        values[place] = _instant(values[place])
    personal = values[_PERSONAL]
    if isinstance(personal, str):
        values[_PERSONAL] = json.decode(personal)
    values[_OWNER] = owner
    values[_EPOCH] += 1
    values[_ADDRESS] = values[_ADDRESS] or ""
    return Claim._make(values)


_PERSONAL, _OWNER, _EPOCH, _ADDRESS = (_AT[name] for name in ("personal", "owner", "epoch", "address"))


@lru_cache(maxsize=4096)
def _instant(stored: str | datetime) -> datetime:
    """Many touches share their instants, and reading one costs as much as all else of its value."""
    return (
        stored.astimezone(UTC) if isinstance(stored, datetime) else datetime.fromisoformat(f"{stored}+00:00")
    )
