"""Pace: who may leave now, taken from rows while touches are claimed, in the same transaction.

    with gate(connection, limits, now) as passing:      # holds the account's row, so claims take turns
        passing.look(receivers)
        line = passing.let(receiver)                    # None: it may go; else the line where it waits

Each account and each receiver has a row with a log of its last minute (`minutes.py`), so a limit holds for
any number of processes and across restarts. Whoever finds a receiver full stands in its line, once: the row
knows the second at which the line moves on, and until then nobody looks at it. So a claim's work grows with
what may leave, never with what waits, and other receivers are not held up.

A clock that is set back refills nothing. It dissolves the lines, so that nobody waits for a second that lies
far ahead; the logs stay. A clock that is set forward gives one bucket.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec import json
from sqlalchemy import Connection

from nurture.store import breakers, minutes, tallies
from nurture.store.limits import Limits, WarmUp
from nurture.store.pacerows import STATEMENTS, as_text

ENDLESS = 1 << 30
"""More than anybody sends."""
FORGOTTEN_AFTER = 3600
"""Seconds after which a receiver whom nobody mailed and nobody waits for has no row any more."""
LOOK_AGAIN = 3600
"""Seconds until a stopped account is looked at again; `resume` does not wait for it."""


@dataclass(slots=True)
class _Pace:
    """One receiver's row."""

    rate: int | None
    log: list[int] = field(default_factory=list)
    closed_until: int = 0
    waits: bool = False
    """Somebody stands in its line."""
    changed: bool = False

    def left(self, second: int) -> int:
        if second < self.closed_until:
            return 0
        return ENDLESS if self.rate is None else minutes.left(self.log, self.rate)

    def next(self, second: int) -> int:
        """When its line moves on."""
        free = 0 if self.rate is None else minutes.free_at(self.log, self.rate)
        return max(free, self.closed_until, second)


class Gate:
    """What may leave through the account at one instant."""

    def __init__(self, connection: Connection, limits: Limits, now: datetime) -> None:
        self._connection, self._now = connection, now
        self._statements = STATEMENTS[connection.dialect.name]
        self._driver: Any = connection.connection.driver_connection
        self._limits = limits
        self._second = int(now.timestamp())
        self._paces: dict[str, _Pace] = {}
        row = self._statements.account(self._driver)
        if row[2] > self._second + minutes.MINUTE:
            self._statements.dissolve(self._driver)
            breakers.shorten(connection, now)
        if row[2] // 3600 != self._second // 3600:
            tallies.forget(connection, now)
            self._statements.forget(self._driver, self._second - FORGOTTEN_AFTER)
        self._open = breakers.open_ones(connection, now)
        self._account = self._account_pace(row, now)

    def _account_pace(self, row: Sequence[Any], now: datetime) -> _Pace:
        log, next_at, _, day, today, drops = row
        self._today, self._drops, self._day, self._allowance = today, drops, day, ENDLESS
        pace = self._as_pace("", log, next_at, self._limits.per_minute)
        warm_up = self._limits.warm_up
        if warm_up is not None:
            self._turn_day(warm_up)
            self._allowance = warm_up.allowance(self._day, self._drops)
            if self._today >= self._allowance:
                pace.closed_until = max(pace.closed_until, int(warm_up.start(self._day + 1).timestamp()))
        return pace

    def _turn_day(self, warm_up: WarmUp) -> None:
        """A new day counts from nothing, two steps lower than planned where the last one went badly: one step
        lower than that was. A day that has been, by a clock set back, goes on counting."""
        day = warm_up.day(self._now)
        if self._day and day > self._day:
            self._drops += 2 * tallies.went_badly(self._connection, warm_up.start(self._day), self._now)
        if day > self._day:
            self._today = 0
        self._day = day

    def _as_pace(self, receiver: str, log: str, next_at: int | None, rate: int | None) -> _Pace:
        breaker = self._open.get(receiver) if self._open else None
        recent = minutes.recent(json.decode(log), self._second) if log else []
        pace = _Pace(rate, recent, waits=next_at is not None)
        if breaker is not None:
            pace.rate = breaker.slowed(receiver, rate)
            until = breaker.closed_until
            pace.closed_until = self._second + LOOK_AGAIN if until is None else until
        return pace

    @property
    def room(self) -> int:
        """How many more may leave through the account now."""
        today: int = max(self._allowance - self._today, 0)
        return min(self._account.left(self._second), today)

    def lines(self) -> list[str]:
        """The receivers whose line moves on now, the account's own first; none while the account is full."""
        if not self.room:
            return []
        rows = self._statements.lines(self._driver, self._second)
        for receiver, log, next_at in rows:
            if receiver:
                self._paces[receiver] = self._as_pace(receiver, log, next_at, self._limits.rate(receiver))
        return [row[0] for row in rows]

    def look(self, receivers: Iterable[str]) -> None:
        """Read the rows of these receivers: `let` must know them."""
        rates = {each: self._limits.rate(each) for each in receivers if each not in self._paces}
        limited = [each for each, rate in rates.items() if rate is not None or each in self._open]
        found = {row[0]: row for row in self._statements.rows(self._driver, limited)} if limited else {}
        for each, rate in rates.items():
            if each in found or each in self._open:
                _, log, next_at = found.get(each, (each, "", None))
                self._paces[each] = self._as_pace(each, log, next_at, rate)
            else:
                self._paces[each] = _Pace(rate)

    def moving(self, receiver: str) -> int:
        """How many of its line may leave now."""
        pace = self._paces[receiver] if receiver else self._account
        return min(pace.left(self._second), self.room)

    def waits(self, receiver: str, still: bool) -> None:
        """Whether somebody is left in this line."""
        pace = self._paces[receiver] if receiver else self._account
        pace.waits, pace.changed = still, True

    def let(self, receiver: str, *, line: str | None = None) -> str | None:
        """Let one more go to a receiver: None, and it is counted. Else the line in which it waits.

        `line`: the one it stands in; nobody else passes a line.
        """
        account, pace = self._account, self._paces[receiver]
        if self.room < 1 or (account.waits and line is None):
            account.waits = True
            return ""
        if pace.left(self._second) < 1 or (pace.waits and line != receiver):
            pace.waits = pace.changed = True
            return receiver
        if pace.rate is not None:
            minutes.note(pace.log, self._second)
            pace.changed = True
        if account.rate is not None:
            minutes.note(account.log, self._second)
        self._today += 1
        return None

    def why(self, line: str) -> str:
        """Why somebody stands in this line, for its row."""
        breaker = self._open.get(line)
        who = line or "the account"
        if breaker is not None:
            return f"{who}: {breaker.reason}"
        if line == "" and self._today >= self._allowance:
            return f"the warm-up lets {self._allowance} go a day"
        rate = (self._paces[line] if line else self._account).rate
        return f"its turn at {who} did not come: {rate} a minute"

    def close(self) -> None:
        """Write down what was let go, and when each line moves on."""
        second, account = self._second, self._account
        rows = [
            (receiver, as_text(pace.log), pace.next(second) if pace.waits else None, pace.rate)
            for receiver, pace in self._paces.items()
            if pace.changed
        ]
        if rows:
            self._statements.write(self._driver, rows, second)
        if self._today >= self._allowance and self._limits.warm_up is not None:
            midnight = self._limits.warm_up.start(self._day + 1)
            account.closed_until = max(account.closed_until, int(midnight.timestamp()))
        next_at = account.next(second)
        self._statements.write_account(
            self._driver,
            (as_text(account.log), next_at if account.waits else None, account.rate, second,
             self._day, self._today, self._drops),
        )  # fmt: skip
        if next_at > second:
            self._statements.put_off(self._driver, next_at)


@contextmanager
def gate(connection: Connection, limits: Limits, now: datetime) -> Iterator[Gate]:
    """Who may leave now, written down at the end. On PostgreSQL claims of other processes wait meanwhile."""
    passing = Gate(connection, limits, now)
    yield passing
    passing.close()


def next_release(connection: Connection) -> datetime | None:
    """The earliest instant at which a line moves on."""
    found = connection.exec_driver_sql("SELECT min(next_at) FROM paces WHERE next_at IS NOT NULL").scalar()
    return None if found is None else datetime.fromtimestamp(found, UTC)
