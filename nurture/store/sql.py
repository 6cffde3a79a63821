"""The sender's hottest statements, in each database's own words and given straight to its driver.

SQLAlchemy needs longer to build, recognise and unpack a statement than SQLite needs to run it; a message
passes here twice. So the text stands ready, ids go as one parameter, and rows come as plain tuples. What the
statements mean is said in `outbox.py`; everything else in the store goes through SQLAlchemy.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection


class Standing(NamedTuple):
    """How a touch stands now, and its prospect's address and count of facts. `closes` and `expires` are in
    the database's own form: compare them with `Sql.instant`."""

    touch: int
    state: str
    outcome: str | None
    cancelled: bool
    closes: Any
    expires: Any
    owner: str
    epoch: int
    words: str
    address: str | None
    n: int


class Ended(NamedTuple):
    """The end of a touch, as its row says it."""

    touch: int
    outcome: str
    words: str
    at: datetime


class Back(NamedTuple):
    """A touch that waits again, as its row says it."""

    touch: int
    state: str
    due_at: datetime
    attempts: int
    words: str


class Written(NamedTuple):
    """A fact of ours, as its row says it."""

    prospect: int
    n: int
    at: datetime
    kind: str
    body: bytes


class Sql(Protocol):
    """The statements. `driver` is the connection underneath SQLAlchemy's, in its transaction."""

    def instant(self, moment: datetime) -> Any:
        """As the database gives instants back, so that the two can be compared."""

    def look(self, driver: Any, touches: Sequence[int], prospects: Sequence[int]) -> list[Standing]:
        """How touches stand; where rows can be locked, they are: prospects first, in order of id."""

    def silenced(self, driver: Any, hashes: Sequence[str]) -> dict[str, str]:
        """The reasons of those of these hashes that are on the suppression list."""

    def fence(self, driver: Any, touches: Sequence[int], now: datetime, lease: timedelta) -> None:
        """Mark touches as about to leave."""

    def end(self, driver: Any, ended: Sequence[Ended]) -> None:
        """Write the ends of touches."""

    def put_back(self, driver: Any, back: Sequence[Back]) -> None:
        """Let touches wait again."""

    def write_facts(self, driver: Any, facts: Sequence[Written], known: datetime, programme: str) -> None:
        """Insert facts that are numbered already."""

    def count_facts(self, driver: Any, prospects: Sequence[int], more: int, known: datetime) -> None:
        """Raise the count of facts and wake the prospects."""


def of(connection: Connection) -> tuple[Sql, Any]:
    """The statements for a connection, and its driver's connection."""
    statements: Sql = _POSTGRES if connection.dialect.name == "postgresql" else _SQLITE
    return statements, connection.connection.driver_connection


class _Sqlite:
    """Any number of ids is one JSON parameter: sqlite3 gives up the interpreter's lock at every row it
    fetches and every set of parameters it binds, and a busy loop is slow to give it back."""

    def instant(self, moment: datetime) -> str:
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")

    def look(self, driver: Any, touches: Sequence[int], prospects: Sequence[int]) -> list[Standing]:
        rows = driver.execute(
            "SELECT t.id, t.state, t.outcome, t.cancelled, t.closes, t.expires, t.owner, t.epoch, t.words, "
            "p.address, p.n FROM json_each(?) AS j CROSS JOIN touches AS t ON t.id = j.value "
            "CROSS JOIN prospects AS p ON p.id = t.prospect",
            (json.dumps(touches),),
        )
        return [Standing._make(row) for row in rows.fetchall()]

    def silenced(self, driver: Any, hashes: Sequence[str]) -> dict[str, str]:
        query = "SELECT hash, reason FROM suppressions WHERE hash IN (SELECT value FROM json_each(?))"
        return dict(driver.execute(query, (json.dumps(hashes),)).fetchall())

    def fence(self, driver: Any, touches: Sequence[int], now: datetime, lease: timedelta) -> None:
        driver.execute(
            "UPDATE touches SET state = 'fenced', fenced_at = ? WHERE id IN (SELECT value FROM json_each(?))",
            (self.instant(now), json.dumps(touches)),
        )

    def end(self, driver: Any, ended: Sequence[Ended]) -> None:
        rows = [(each.touch, each.outcome, each.words, self.instant(each.at)) for each in ended]
        driver.execute(
            "UPDATE touches SET state = 'ended', outcome = json_extract(j.value, '$[1]'), "
            "words = json_extract(j.value, '$[2]'), ended_at = json_extract(j.value, '$[3]'), "
            "lease_until = NULL FROM json_each(?) AS j WHERE touches.id = json_extract(j.value, '$[0]')",
            (json.dumps(rows),),
        )

    def put_back(self, driver: Any, back: Sequence[Back]) -> None:
        driver.executemany(
            "UPDATE touches SET state = ?, due_at = ?, attempts = ?, words = ?, owner = '', "
            "lease_until = NULL, fenced_at = NULL WHERE id = ?",
            [(each.state, self.instant(each.due_at), each.attempts, each.words, each.touch) for each in back],
        )

    def write_facts(self, driver: Any, facts: Sequence[Written], known: datetime, programme: str) -> None:
        seen = self.instant(known)
        driver.executemany(
            "INSERT INTO facts (prospect, n, at, known, programme, kind, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (each.prospect, each.n, self.instant(each.at), seen, programme, each.kind, each.body)
                for each in facts
            ],
        )

    def count_facts(self, driver: Any, prospects: Sequence[int], more: int, known: datetime) -> None:
        driver.execute(
            "UPDATE prospects SET n = n + ?, wake_at = ?, wake_reason = 'heard' "
            "WHERE id IN (SELECT value FROM json_each(?))",
            (more, self.instant(known), json.dumps(prospects)),
        )


SILENCING = 0x6E6F_7465
"""The advisory lock of PostgreSQL under which the suppression list is read by fences (together) and written
where no prospect's row is held (alone): so what was suppressed before a fence is seen by it."""


class _Postgres:
    """Ids and values go as arrays: one round trip for any number of rows."""

    def instant(self, moment: datetime) -> datetime:
        return moment

    def look(self, driver: Any, touches: Sequence[int], prospects: Sequence[int]) -> list[Standing]:
        people = {
            id: (address, n)
            for id, address, n in driver.execute(
                "SELECT id, address, n FROM prospects WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
                (list(prospects),),
            )
        }
        rows = driver.execute(
            "WITH together AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(%s)) "
            "SELECT t.id, t.state, t.outcome, t.cancelled, t.closes, t.expires, t.owner, t.epoch, t.words, "
            "t.prospect FROM together, touches AS t WHERE t.id = ANY(%s) ORDER BY t.id "
            "FOR NO KEY UPDATE OF t",
            (SILENCING, list(touches)),
        )
        return [Standing._make((*row[:-1], *people[row[-1]])) for row in rows if row[-1] in people]

    def silenced(self, driver: Any, hashes: Sequence[str]) -> dict[str, str]:
        query = "SELECT hash, reason FROM suppressions WHERE hash = ANY(%s)"
        return dict(driver.execute(query, (list(hashes),)).fetchall())

    def fence(self, driver: Any, touches: Sequence[int], now: datetime, lease: timedelta) -> None:
        driver.execute(
            "UPDATE touches SET state = 'fenced', fenced_at = %s, lease_until = now() + %s "
            "WHERE id = ANY(%s)",
            (now, lease, list(touches)),
        )

    def end(self, driver: Any, ended: Sequence[Ended]) -> None:
        driver.execute(
            "UPDATE touches SET state = 'ended', outcome = j.outcome, words = j.words, ended_at = j.at, "
            "lease_until = NULL "
            "FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[]) "
            "AS j (id, outcome, words, at) WHERE touches.id = j.id",
            _columns(ended),
        )

    def put_back(self, driver: Any, back: Sequence[Back]) -> None:
        driver.execute(
            "UPDATE touches SET state = j.state, due_at = j.due_at, attempts = j.attempts, words = j.words, "
            "owner = '', lease_until = NULL, fenced_at = NULL "
            "FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::int[], %s::text[]) "
            "AS j (id, state, due_at, attempts, words) WHERE touches.id = j.id",
            _columns(back),
        )

    def write_facts(self, driver: Any, facts: Sequence[Written], known: datetime, programme: str) -> None:
        driver.execute(
            "INSERT INTO facts (prospect, n, at, known, programme, kind, body) "
            "SELECT j.prospect, j.n, j.at, %s, %s, j.kind, j.body "
            "FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[], %s::text[], %s::bytea[]) "
            "AS j (prospect, n, at, kind, body)",
            (known, programme, *_columns(facts)),
        )

    def count_facts(self, driver: Any, prospects: Sequence[int], more: int, known: datetime) -> None:
        driver.execute(
            "UPDATE prospects SET n = n + %s, wake_at = %s, wake_reason = 'heard' WHERE id = ANY(%s)",
            (more, known, list(prospects)),
        )


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


_SQLITE = _Sqlite()
_POSTGRES = _Postgres()
