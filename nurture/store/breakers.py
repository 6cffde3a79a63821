"""The breakers that follow from what servers said: who gets less, or nothing, and why.

Endings and deferrals are counted (`tallies.py`) in the transaction that records them. What opens a breaker,
what closes it and why these figures: docs/delivery.md. Closed breakers have no row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, case, delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store import tallies
from nurture.store.limits import CONSUMER, OTHER, is_provider, receiver_of
from nurture.store.tables import BREAKERS, PACES, TALLIES, TOUCHES
from nurture.store.tallies import ACCOUNT, Tallies
from nurture.store.touches import Deferral, Ending

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=15), timedelta(hours=4)
"""After a receiver wanted less of us, or a server did not let us in; doubled each time it happens again."""
BEFORE_SUCCESS = 1
"""Messages a minute through an account that was not let in, until one is accepted."""
ENOUGH = 100
"""Answers within a day before shares mean anything."""
_SHARES = {"complaints": (0.001, 0.003), "bounces": (0.02, 0.05)}
"""Share of a day's mail that is a warning, and that stops the account."""


class Standing(NamedTuple):
    """How an account (receiver '') or a receiver stands.

    `state`: ok, warned, trying (less than its rate until a message is accepted), paused, stopped. `rate`:
    messages in any minute, None without a limit. `counts`: of the last 24 hours accepted, deferred, hard,
    blocked, complaints; `waiting` in its line; for the account `today`, what a warm-up has let go.
    """

    account: str
    receiver: str
    rate: int | None
    state: str
    reason: str
    since: datetime | None
    until: datetime | None
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Open:
    """An open breaker that holds mail back; `closed_until`: the second, 0 while trying, None: stopped."""

    reason: str
    step: int
    closed_until: int | None

    def slowed(self, receiver: str, rate: int | None) -> int:
        """The rate until a message is accepted: half of what it was, and half again each time."""
        if not receiver:
            return BEFORE_SUCCESS
        usual = CONSUMER if is_provider(receiver) else OTHER
        return max((usual if rate is None else rate) >> (self.step + 1), 1)


def open_ones(connection: Connection, now: datetime) -> dict[str, Open]:
    """The breakers that hold mail back now, by receiver; where there are two, the longer one."""
    found: dict[str, Open] = {}
    for row in _breakers(connection):
        if row.state != "warned" and row.receiver not in found:
            until = None if row.until is None else int(row.until.timestamp()) if now < row.until else 0
            found[row.receiver] = Open(row.reason, row.step, until)
    return found


def count(
    connection: Connection, endings: Sequence[Ending], deferrals: Sequence[Deferral], now: datetime
) -> None:
    """Count what servers said in a batch, and open or close breakers by it; in the batch's transaction."""
    counted = tallies.sorted_out(endings, deferrals)
    if counted:
        tallies.add(connection, counted, now)
    untried = sum(not deferral.counted or not deferral.words for deferral in deferrals)
    if untried:
        _give_back(connection, untried, now)
    pushed = {receiver_of(one.claim.address): one.words for one in deferrals if one.whose == "domain"}
    shut = next((one.words for one in deferrals if one.whose == "account"), None)
    rows = _breakers(connection)
    if not (rows or pushed or shut or counted.get("", tallies.NOTHING)[tallies.HARD]):
        return
    _close(connection, rows, counted, now)
    for receiver, words in pushed.items():
        _pause(connection, receiver, "deferrals", words, now)
    if shut is not None:
        _pause(connection, "", "account", shut, now)
    judge(connection, now)


def returned(connection: Connection, address: str, bounce: str, words: str, now: datetime) -> None:
    """A message came back later (`bounce`: what kind it was), or (empty) somebody called it spam.

    A block is no fault of the person's: their receiver gets nothing for a while.
    """
    receiver = receiver_of(address)
    if bounce == "hard":
        counts = (0, 0, 1, 0, 0)
    elif bounce == "block":
        counts = (0, 0, 0, 1, 0)
        _pause(connection, receiver, "deferrals", words, now)
    elif not bounce:
        counts = (0, 0, 0, 0, 1)
    else:
        return
    tallies.add(connection, dict.fromkeys(("", receiver), counts), now)
    judge(connection, now)


def judge(connection: Connection, now: datetime) -> None:
    """Open and close the account's breakers on hard bounces and complaints, by the last 24 hours."""
    accepted, _, hard, blocked, complaints = tallies.sums(connection, "", now)
    answered = accepted + hard + blocked
    for kind, bad, counted in (("bounces", hard, answered), ("complaints", complaints, accepted)):
        warned, stopped = _SHARES[kind]
        share = bad / counted if counted >= ENOUGH else 0
        state = "stopped" if share >= stopped else "warned" if share >= warned else None
        here = and_(_account_is(BREAKERS), BREAKERS.c.receiver == "", BREAKERS.c.kind == kind)
        if state is None:
            connection.execute(delete(BREAKERS).where(here, BREAKERS.c.state == "warned"))
            continue
        reason = f"{bad} {'hard bounces' if kind == 'bounces' else kind} of {counted} in 24 hours"
        row = {"state": state, "reason": reason, "until": None, "counted": counted, "bad": bad}
        kept = [f"breakers.state <> '{state}'", "breakers.state <> 'stopped'"]
        _put(connection, {"receiver": "", "kind": kind, "since": now, "step": 0, **row}, row, kept)


def shorten(connection: Connection, now: datetime) -> None:
    """After the clock was set back nobody pauses longer than the longest pause."""
    until = now + LONGEST_PAUSE
    connection.execute(update(BREAKERS).where(BREAKERS.c.until > until).values(until=until))


def resume(connection: Connection, account: str, receiver: str) -> bool:
    """A person lets mail go again: breakers close, the count starts anew, lines move on.

    `receiver` '' is the account itself. False where no breaker was open.
    """
    here = and_(BREAKERS.c.account == account, BREAKERS.c.receiver == receiver)
    closed = connection.execute(delete(BREAKERS).where(here)).rowcount
    there = and_(TALLIES.c.account == account, TALLIES.c.receiver == receiver)
    connection.execute(delete(TALLIES).where(there))
    waiting = and_(PACES.c.account == account, PACES.c.next_at.is_not(None))
    if receiver:
        waiting = and_(waiting, PACES.c.receiver == receiver)
    connection.execute(update(PACES).where(waiting).values(next_at=0))
    return bool(closed)


def standing(connection: Connection, now: datetime) -> list[Standing]:
    """The account, and every receiver with a line, an open breaker, or a provider's tally; all by name."""
    breakers = {row.receiver: row for row in reversed(_breakers(connection))}
    paces = {row.receiver: row for row in connection.execute(select(PACES).where(_seen_of(PACES)))}
    lines: dict[str, int] = {row[0]: row[1] for row in connection.execute(_WAITING)}
    told = connection.scalars(select(TALLIES.c.receiver).where(_account_is(TALLIES)).distinct())
    names = {"", *breakers, *lines, *(name for name in told if is_provider(name))}
    return [
        _standing(connection, name, breakers.get(name), paces.get(name), lines.get(name, 0), now)
        for name in sorted(names)
    ]


def _standing(
    connection: Connection, receiver: str, breaker: Any, pace: Any, waiting: int, now: datetime
) -> Standing:
    said = tallies.sums(connection, receiver, now)
    counts = dict(zip(tallies.COUNTED, said, strict=True)) | {"waiting": waiting}
    rate = None if pace is None else pace.rate
    if not receiver:
        counts["today"] = 0 if pace is None else pace.today
    if breaker is None:
        return Standing(ACCOUNT, receiver, rate, "ok", "", None, None, counts)
    trying = breaker.until is not None and breaker.until <= now
    state = "trying" if trying else breaker.state
    return Standing(
        ACCOUNT, receiver, rate, state, breaker.reason, breaker.since, breaker.until, counts
    )  # fmt: skip


_RANK = {"stopped": 0, "paused": 1, "warned": 2}
_WAITING = (
    select(TOUCHES.c.line, func.count())
    .where(text("touches.line IS NOT NULL AND touches.state IN ('queued', 'deferred')"))
    .group_by(TOUCHES.c.line)
)
_OPEN = select(BREAKERS).where(BREAKERS.c.account == ACCOUNT)


def _seen_of(table: Any) -> Any:
    return and_(table.c.account == ACCOUNT, (table.c.next_at.is_not(None)) | (table.c.receiver == "")
                | table.c.receiver.in_(select(BREAKERS.c.receiver))
                | table.c.receiver.in_(select(TALLIES.c.receiver)))  # fmt: skip


def _account_is(table: Any) -> Any:
    return table.c.account == ACCOUNT


def _breakers(connection: Connection) -> Sequence[Any]:
    """All rows, the most serious of a receiver first."""
    driver: Any = connection.connection.driver_connection
    if driver.execute("SELECT 1 FROM breakers LIMIT 1").fetchone() is None:  # as nearly always
        return ()
    rows = connection.execute(_OPEN).all()
    return sorted(rows, key=lambda row: (_RANK[row.state], -(row.until or _LONG_AGO).timestamp()))


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _give_back(connection: Connection, untried: int, now: datetime) -> None:
    """What was claimed and never tried is no part of a warm-up's day; whoever waits for the next day may go
    in a minute, when the trouble may be over."""
    soon = int(now.timestamp()) + 60
    connection.execute(
        update(PACES)
        .where(_account_is(PACES), PACES.c.receiver == "", PACES.c.today >= untried)
        .values(
            today=PACES.c.today - untried, next_at=case((PACES.c.next_at > soon, soon), else_=PACES.c.next_at)
        )
    )


def _close(connection: Connection, rows: Sequence[Any], counted: Tallies, now: datetime) -> None:
    """A message accepted after the pause closes what had paused."""
    for row in rows:
        accepted = row.receiver in counted and counted[row.receiver][0]
        if row.state == "paused" and row.until <= now and accepted:
            here = and_(BREAKERS.c.receiver == row.receiver, BREAKERS.c.kind == row.kind)
            connection.execute(delete(BREAKERS).where(_account_is(BREAKERS), here))


def _pause(connection: Connection, receiver: str, kind: str, reason: str, now: datetime) -> None:
    """Pause; while paused already, nothing changes: that was under way. After the pause, twice as long."""
    row = connection.execute(
        _OPEN.where(BREAKERS.c.receiver == receiver, BREAKERS.c.kind == kind)
    ).one_or_none()
    if row is not None and now < row.until:
        return
    step = 0 if row is None else row.step + 1
    until = now + min(FIRST_PAUSE * 2 ** min(step, 9), LONGEST_PAUSE)
    news = {"state": "paused", "reason": reason, "until": until, "step": step}
    _put(connection, {"receiver": receiver, "kind": kind, "since": now, **news}, news, [])


def _put(
    connection: Connection, row: Mapping[str, Any], news: Mapping[str, Any], where: Sequence[str]
) -> None:
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = kind.insert(BREAKERS).values(account=ACCOUNT, **row)
    condition = text(" AND ".join(where)) if where else None
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["account", "receiver", "kind"], set_=dict(news), where=condition
        )
    )
