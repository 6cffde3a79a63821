"""The rows of paces, in each database's own words and given straight to its driver, as in `sql.py`.

What they mean is said in `paces.py`.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import json

from nurture.store.tallies import ACCOUNT


def as_text(value: Any) -> str:
    """A value as JSON: a log as it stands in its row, or ids and rows as one parameter."""
    return json.encode(value).decode()


class Sqlite:
    """Given straight to the driver, as in `sql.py`: SQLAlchemy needs longer than SQLite."""

    def account(self, driver: Any) -> Sequence[Any]:
        query = "SELECT log, next_at, seen, day, today, drops FROM paces WHERE account = ? AND receiver = ''"
        found: Sequence[Any] | None = driver.execute(query, (ACCOUNT,)).fetchone()
        return found or ("", None, 0, 0, 0, 0)

    def lines(self, driver: Any, second: int) -> list[Any]:
        rows: list[Any] = driver.execute(
            "SELECT receiver, log, next_at FROM paces WHERE next_at IS NOT NULL AND next_at <= ? "
            "AND account = ? ORDER BY receiver <> '', next_at, receiver",
            (second, ACCOUNT),
        ).fetchall()
        return rows

    def rows(self, driver: Any, receivers: Sequence[str]) -> list[Any]:
        rows: list[Any] = driver.execute(
            "SELECT p.receiver, p.log, p.next_at FROM json_each(?) AS j CROSS JOIN paces AS p "
            "ON p.account = ? AND p.receiver = j.value",
            (as_text(receivers), ACCOUNT),
        ).fetchall()
        return rows

    def write(self, driver: Any, rows: Sequence[tuple[Any, ...]], second: int) -> None:
        driver.execute(
            "INSERT INTO paces (account, receiver, log, next_at, rate, seen, day, today, drops) "
            "SELECT ?, json_extract(value, '$[0]'), json_extract(value, '$[1]'), "
            "json_extract(value, '$[2]'), json_extract(value, '$[3]'), ?, 0, 0, 0 "
            "FROM json_each(?) WHERE true ON CONFLICT (account, receiver) DO UPDATE "
            "SET log = excluded.log, next_at = excluded.next_at, rate = excluded.rate, seen = excluded.seen",
            (ACCOUNT, second, as_text(rows)),
        )

    def write_account(self, driver: Any, row: tuple[Any, ...]) -> None:
        driver.execute(
            "INSERT INTO paces (account, receiver, log, next_at, rate, seen, day, today, drops) "
            "VALUES (?, '', ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, receiver) DO UPDATE "
            "SET log = excluded.log, next_at = excluded.next_at, rate = excluded.rate, "
            "seen = excluded.seen, day = excluded.day, today = excluded.today, drops = excluded.drops",
            (ACCOUNT, *row),
        )

    def put_off(self, driver: Any, until: int) -> None:
        query = "UPDATE paces SET next_at = ? WHERE next_at IS NOT NULL AND next_at < ? AND account = ?"
        driver.execute(query, (until, until, ACCOUNT))

    def dissolve(self, driver: Any) -> None:
        for statement in _DISSOLVE:
            driver.execute(statement)

    def forget(self, driver: Any, before: int) -> None:
        driver.execute(_FORGET, (before, ACCOUNT, FORGOTTEN_AT_ONCE))


class Postgres:
    """The account's row is locked, and with it all of its receivers."""

    def account(self, driver: Any) -> Sequence[Any]:
        query = (
            "SELECT log, next_at, seen, day, today, drops FROM paces "
            "WHERE account = %s AND receiver = '' FOR UPDATE"
        )
        found: Sequence[Any] | None = driver.execute(query, (ACCOUNT,)).fetchone()
        if found is None:
            driver.execute(
                "INSERT INTO paces (account, receiver, log, seen, day, today, drops) "
                "VALUES (%s, '', '', 0, 0, 0, 0) ON CONFLICT DO NOTHING",
                (ACCOUNT,),
            )
            found = driver.execute(query, (ACCOUNT,)).fetchone()
        assert found is not None
        return found

    def lines(self, driver: Any, second: int) -> list[Any]:
        rows: list[Any] = driver.execute(
            "SELECT receiver, log, next_at FROM paces WHERE next_at IS NOT NULL AND next_at <= %s "
            "AND account = %s ORDER BY receiver <> '', next_at, receiver",
            (second, ACCOUNT),
        ).fetchall()
        return rows

    def rows(self, driver: Any, receivers: Sequence[str]) -> list[Any]:
        query = "SELECT receiver, log, next_at FROM paces WHERE account = %s AND receiver = ANY(%s)"
        rows: list[Any] = driver.execute(query, (ACCOUNT, list(receivers))).fetchall()
        return rows

    def write(self, driver: Any, rows: Sequence[tuple[Any, ...]], second: int) -> None:
        driver.execute(
            "INSERT INTO paces (account, receiver, log, next_at, rate, seen, day, today, drops) "
            "SELECT %s, j.receiver, j.log, j.next_at, j.rate, %s, 0, 0, 0 "
            "FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::int[]) "
            "AS j (receiver, log, next_at, rate) "
            "ON CONFLICT (account, receiver) DO UPDATE "
            "SET log = excluded.log, next_at = excluded.next_at, rate = excluded.rate, seen = excluded.seen",
            (ACCOUNT, second, *(list(column) for column in zip(*rows, strict=True))),
        )

    def write_account(self, driver: Any, row: tuple[Any, ...]) -> None:
        driver.execute(
            "UPDATE paces SET log = %s, next_at = %s, rate = %s, seen = %s, day = %s, today = %s, drops = %s "
            "WHERE account = %s AND receiver = ''",
            (*row, ACCOUNT),
        )

    def put_off(self, driver: Any, until: int) -> None:
        query = "UPDATE paces SET next_at = %s WHERE next_at IS NOT NULL AND next_at < %s AND account = %s"
        driver.execute(query, (until, until, ACCOUNT))

    def dissolve(self, driver: Any) -> None:
        for statement in _DISSOLVE:
            driver.execute(statement)

    def forget(self, driver: Any, before: int) -> None:
        driver.execute(_FORGET.replace("?", "%s"), (before, ACCOUNT, FORGOTTEN_AT_ONCE))


FORGOTTEN_AT_ONCE = 5000
"""Rows of receivers deleted in one transaction: a few hundredths of a second."""

_FORGET = (
    "DELETE FROM paces WHERE (account, receiver) IN (SELECT account, receiver FROM paces "
    "WHERE next_at IS NULL AND receiver <> '' AND seen < ? AND account = ? "
    "AND receiver NOT IN (SELECT receiver FROM breakers) LIMIT ?)"
)
_DISSOLVE = (
    "UPDATE touches SET due_at = in_line_since, line = NULL, in_line_since = NULL "
    "WHERE line IS NOT NULL AND state IN ('queued', 'deferred')",
    "UPDATE paces SET next_at = NULL WHERE next_at IS NOT NULL",
)


STATEMENTS: dict[str, Sqlite | Postgres] = {"sqlite": Sqlite(), "postgresql": Postgres()}
"""By the name of the dialect."""
