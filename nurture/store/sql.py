"""The hottest statements, in each database's own words and given straight to its driver: the sender's, and
those that keep clicks and opens.

SQLAlchemy needs longer to build, recognise and unpack a statement than SQLite needs to run it; a message
passes here twice. So the text stands ready, ids go as one parameter, and rows come as plain tuples. What the
statements mean is said in `outbox.py` and `arrivals.py`; all else in the store goes through SQLAlchemy.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import Connection


class Standing(NamedTuple):
    """How a touch stands now, and its prospect's address and count of facts."""

    touch: int
    state: str
    outcome: str | None
    cancelled: bool
    is_open: bool
    """Before it closes."""
    is_over: bool
    """At `expires` or later."""
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


class Message(NamedTuple):
    """Whose message a touch is, and from where its links are known."""

    prospect: int
    programme: str
    piece: str


class Sql(Protocol):
    """The statements. `driver` is the connection underneath SQLAlchemy's, in its transaction."""

    def look(
        self, driver: Any, touches: Sequence[int], prospects: Sequence[int], now: datetime
    ) -> list[Standing]:
        """How touches stand; where rows can be locked, they are: prospects first, in order of id."""

    def silenced(self, driver: Any, hashes: Sequence[str]) -> dict[str, str]:
        """The reasons of those of these hashes that are suppressed for all mail, not for one sequence."""

    def fence(self, driver: Any, touches: Sequence[int], now: datetime, lease: timedelta) -> None:
        """Mark touches as about to leave."""

    def record(
        self,
        driver: Any,
        ended: Sequence[Ended],
        facts: Sequence[Written],
        counts: Mapping[int, int],
        known: datetime,
        programme: str,
    ) -> None:
        """Write ends, and their facts under the active programme (where there is none, `programme`).

        `counts`: how many facts each prospect has then; they are woken.
        """

    def put_back(self, driver: Any, back: Sequence[Back]) -> None:
        """Let touches wait again."""

    def messages(self, driver: Any, touches: Sequence[int]) -> dict[int, Message]:
        """Those of these touches that are there; where rows can be locked, their prospects cannot go now."""

    def keep_hits(self, driver: Any, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write unsettled hits: prospect, touch, then the values of the columns `names`."""


def of(connection: Connection) -> tuple[Sql, Any]:
    """The statements for a connection, and its driver's connection."""
    statements: Sql = _POSTGRES if connection.dialect.name == "postgresql" else _SQLITE
    return statements, connection.connection.driver_connection


class _Sqlite:
    """Any number of ids is one JSON parameter: sqlite3 gives up the interpreter's lock at every row it
    fetches and every set of parameters it binds, and a busy loop is slow to give it back."""

    def look(
        self, driver: Any, touches: Sequence[int], prospects: Sequence[int], now: datetime
    ) -> list[Standing]:
        moment = stored_instant(now)
        rows = driver.execute(
            "SELECT t.id, t.state, t.outcome, t.cancelled, t.closes > ?, t.expires <= ?, t.owner, t.epoch, "
            "t.words, p.address, p.n FROM json_each(?) AS j CROSS JOIN touches AS t ON t.id = j.value "
            "CROSS JOIN prospects AS p ON p.id = t.prospect",
            (moment, moment, json.dumps(touches)),
        )
        return [Standing._make(row) for row in rows.fetchall()]

    def silenced(self, driver: Any, hashes: Sequence[str]) -> dict[str, str]:
        query = (
            "SELECT hash, reason FROM suppressions WHERE scope = 'all' "
            "AND hash IN (SELECT value FROM json_each(?))"
        )
        return dict(driver.execute(query, (json.dumps(hashes),)).fetchall())

    def fence(self, driver: Any, touches: Sequence[int], now: datetime, lease: timedelta) -> None:
        driver.execute(
            "UPDATE touches SET state = 'fenced', fenced_at = ? WHERE id IN (SELECT value FROM json_each(?))",
            (stored_instant(now), json.dumps(touches)),
        )

    def record(
        self,
        driver: Any,
        ended: Sequence[Ended],
        facts: Sequence[Written],
        counts: Mapping[int, int],
        known: datetime,
        programme: str,
    ) -> None:
        active, seen = driver.execute("SELECT programme FROM active").fetchone(), stored_instant(known)
        told = active[0] if active else programme
        driver.executemany(
            "INSERT INTO facts (prospect, n, at, known, programme, kind, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (each.prospect, each.n, stored_instant(each.at), seen, told, each.kind, each.body)
                for each in facts
            ],
        )
        driver.execute(
            "UPDATE prospects SET n = json_extract(j.value, '$[1]'), wake_at = ?, wake_reason = 'heard' "
            "FROM json_each(?) AS j WHERE prospects.id = json_extract(j.value, '$[0]')",
            (seen, json.dumps(list(counts.items()))),
        )
        driver.execute(
            "UPDATE touches SET state = 'ended', outcome = json_extract(j.value, '$[1]'), "
            "words = json_extract(j.value, '$[2]'), ended_at = json_extract(j.value, '$[3]'), "
            "lease_until = NULL FROM json_each(?) AS j WHERE touches.id = json_extract(j.value, '$[0]')",
            (
                json.dumps(
                    [(each.touch, each.outcome, each.words, stored_instant(each.at)) for each in ended]
                ),
            ),
        )

    def put_back(self, driver: Any, back: Sequence[Back]) -> None:
        driver.executemany(
            "UPDATE touches SET state = ?, due_at = ?, attempts = ?, words = ?, owner = '', "
            "lease_until = NULL, fenced_at = NULL WHERE id = ?",
            [
                (each.state, stored_instant(each.due_at), each.attempts, each.words, each.touch)
                for each in back
            ],
        )

    def messages(self, driver: Any, touches: Sequence[int]) -> dict[int, Message]:
        row = driver.execute(
            "SELECT json_group_array(json_array(t.id, t.prospect, t.programme, t.piece)) "
            "FROM json_each(?) AS j CROSS JOIN touches AS t ON t.id = j.value",
            (json.dumps(touches),),
        ).fetchone()
        return {touch: Message(*rest) for touch, *rest in msgspec.json.decode(row[0])}

    def keep_hits(self, driver: Any, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        columns, at = (*_OF_HIT, *names), len(_OF_HIT) + names.index("at")
        while rows:  # in lots of 1, 2, 4 .. rows: few statements, and each is compiled once
            lot = min(1 << len(rows).bit_length() - 1, _LARGEST_LOT)
            values = [
                value for row in rows[:lot] for value in (*row[:at], stored_instant(row[at]), *row[at + 1 :])
            ]
            driver.execute(_kept_by_sqlite(columns, lot), values)
            rows = rows[lot:]


def stored_instant(moment: datetime) -> str:
    """As SQLAlchemy keeps instants in SQLite; texts compare as the instants do."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(" ", "microseconds")[:_NAIVE]


_NAIVE = len("2026-01-01 00:00:00.000000")


SILENCING = 0x6E6F_7465
"""The advisory lock of PostgreSQL under which the suppression list is read by fences (together) and written
where no prospect's row is held (alone): so what was suppressed before a fence is seen by it."""


class _Postgres:
    """Any number of rows is one JSON parameter, and a step is one round trip. Ids come as an array as well:
    by it the planner knows that they are few.

    Rows wait for locks: prospects in order of id, then the suppression list, then touches. The list is
    looked at by a later statement, which sees all that was committed while this one waited.
    """

    def look(
        self, driver: Any, touches: Sequence[int], prospects: Sequence[int], now: datetime
    ) -> list[Standing]:
        rows = driver.execute(
            "WITH people AS MATERIALIZED (SELECT id, address, n FROM prospects WHERE id = ANY(%s) "
            "ORDER BY id FOR NO KEY UPDATE), "
            "together AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(%s) "
            "FROM (SELECT count(*) FROM people) AS held) "
            "SELECT t.id, t.state, t.outcome, t.cancelled, t.closes > %s, t.expires <= %s, t.owner, t.epoch, "
            "t.words, p.address, p.n FROM together, people AS p JOIN touches AS t ON t.prospect = p.id "
            "WHERE t.id = ANY(%s) ORDER BY t.id FOR NO KEY UPDATE OF t",
            (list(prospects), SILENCING, now, now, list(touches)),
        )
        return [Standing._make(row) for row in rows.fetchall()]

    def silenced(self, driver: Any, hashes: Sequence[str]) -> dict[str, str]:
        query = "SELECT hash, reason FROM suppressions WHERE scope = 'all' AND hash = ANY(%s)"
        return dict(driver.execute(query, (list(hashes),)).fetchall())

    def fence(self, driver: Any, touches: Sequence[int], now: datetime, lease: timedelta) -> None:
        driver.execute(
            "UPDATE touches SET state = 'fenced', fenced_at = %s, lease_until = now() + %s "
            "WHERE id = ANY(%s)",
            (now, lease, list(touches)),
        )

    def record(
        self,
        driver: Any,
        ended: Sequence[Ended],
        facts: Sequence[Written],
        counts: Mapping[int, int],
        known: datetime,
        programme: str,
    ) -> None:
        told = [
            (each.prospect, each.n, each.at.isoformat(), each.kind, b64encode(each.body).decode())
            for each in facts
        ]
        ends = [(each.touch, each.outcome, each.words, each.at.isoformat()) for each in ended]
        driver.execute(
            "WITH told AS (INSERT INTO facts (prospect, n, at, known, programme, kind, body) "
            "SELECT (j->>0)::bigint, (j->>1)::int, (j->>2)::timestamptz, %s, "
            "coalesce((SELECT programme FROM active), %s), j->>3, decode(j->>4, 'base64') "
            "FROM json_array_elements(%s::json) AS j), "
            "counted AS (UPDATE prospects SET n = (j->>1)::int, wake_at = %s, wake_reason = 'heard' "
            "FROM json_array_elements(%s::json) AS j WHERE id = ANY(%s) AND id = (j->>0)::bigint) "
            "UPDATE touches SET state = 'ended', outcome = j->>1, words = j->>2, "
            "ended_at = (j->>3)::timestamptz, lease_until = NULL "
            "FROM json_array_elements(%s::json) AS j WHERE id = ANY(%s) AND id = (j->>0)::bigint",
            (
                known, programme, json.dumps(told),
                known, json.dumps(list(counts.items())), list(counts),
                json.dumps(ends), [each.touch for each in ended],
            ),
        )  # fmt: skip

    def put_back(self, driver: Any, back: Sequence[Back]) -> None:
        driver.execute(
            "UPDATE touches SET state = j.state, due_at = j.due_at, attempts = j.attempts, words = j.words, "
            "owner = '', lease_until = NULL, fenced_at = NULL "
            "FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::int[], %s::text[]) "
            "AS j (id, state, due_at, attempts, words) WHERE touches.id = j.id",
            _columns(back),
        )

    def messages(self, driver: Any, touches: Sequence[int]) -> dict[int, Message]:
        rows = driver.execute(
            "SELECT t.id, t.prospect, t.programme, t.piece FROM touches AS t "
            "JOIN prospects AS p ON p.id = t.prospect WHERE t.id = ANY(%s) ORDER BY p.id FOR KEY SHARE OF p",
            (list(touches),),
        )
        return {touch: Message(*rest) for touch, *rest in rows.fetchall()}

    def keep_hits(self, driver: Any, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        told = msgspec.json.encode(rows).decode()  # a twentieth of what json.dumps costs
        driver.execute(_kept_by_postgres((*_OF_HIT, *names)), (told,))


_OF_HIT = ("prospect", "touch")
_INTO_HITS = "INSERT INTO hits ({}, reasons, rules) "
_PLAIN = ", '[]', ''"
_OUT_OF_JSON = " FROM json_array_elements(%s::json) AS j"
_TYPES = {"prospect": "bigint", "touch": "bigint", "at": "timestamptz", "link": "int", "prefetch": "boolean"}
_LARGEST_LOT = 64


@cache
def _kept_by_sqlite(columns: tuple[str, ...], rows: int) -> str:
    """Values and not JSON: taking a row apart costs as much as keeping it."""
    row = f"({', '.join('?' * len(columns))}{_PLAIN})"
    return f"{_INTO_HITS.format(', '.join(columns))}VALUES {', '.join([row] * rows)}"


@cache
def _kept_by_postgres(columns: tuple[str, ...]) -> str:
    values = [f"(j->>{place})::{_TYPES.get(name, 'text')}" for place, name in enumerate(columns)]
    into, taken = _INTO_HITS.format(", ".join(columns)), ", ".join(values)
    return f"{into}SELECT {taken}{_PLAIN}{_OUT_OF_JSON}"


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


_SQLITE = _Sqlite()
_POSTGRES = _Postgres()
