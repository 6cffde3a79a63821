"""Prospects and messages that do not get on, and the clock. Counts and numbers only, never an address."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, select

from nurture.doctor.advice import advice_on
from nurture.doctor.findings import Finding, Group
from nurture.store.breakers import standing
from nurture.store.facts import newest
from nurture.store.tables import LIVE, PROSPECTS, TOUCHES

LATE = timedelta(hours=1)
"""How late somebody may be looked at, or a message leave, while somebody delivers."""
CLOCKS_DIFFER = timedelta(minutes=5)
LONG_QUIET = timedelta(days=30)
_MOST_NAMED = 5
_MOST_WORDS = 500
"""Waiting messages whose last words are read."""

_STATES = {"trying": "slowed down, until one is accepted", "warned": "near the share that stops it"}

_prospects = Group("prospects")
_messages = Group("messages")


def examine_clock(connection: Connection, now: datetime, *, delivers: bool | None) -> Finding:
    """The system's clock against the newest thing that is known."""
    last = newest(connection)
    if last is None:
        return _prospects.ok("clock", f"{now:%Y-%m-%d %H:%M} UTC; nothing has happened yet")
    if last > now + CLOCKS_DIFFER:
        says = f"it is {now:%Y-%m-%d %H:%M} UTC, and something was recorded at {last:%Y-%m-%d %H:%M}"
        does = "set the clock (timedatectl); if it is right now, what was recorded wrongly waits until then"
        return _prospects.wrong("clock", says, does)
    if delivers and last < now - LONG_QUIET:
        says = f"it is {now:%Y-%m-%d %H:%M} UTC, and the newest fact is of {last:%Y-%m-%d}"
        return _prospects.warn("clock", says, "is the clock right? (timedatectl)")
    return _prospects.ok("clock", f"{now:%Y-%m-%d %H:%M} UTC; the newest fact is of {last:%Y-%m-%d %H:%M}")


def examine_prospects(connection: Connection, now: datetime, *, delivers: bool | None) -> Iterator[Finding]:
    """Who is stuck, quarantined or failing. `delivers`: whether somebody does now; None: nobody can tell."""
    total = connection.scalar(select(func.count()).select_from(PROSPECTS)) or 0
    quarantined = PROSPECTS.c.wake_reason.startswith("quarantined")
    checks = (
        ("stuck", PROSPECTS.c.wake_at.is_(None) & (PROSPECTS.c.wake_reason == ""),
         "nothing will ever look at them again, and no reason is known", "nurture apply, or report it"),
        ("quarantined", quarantined, "nothing more is decided for them after errors or failed messages",
         "read the log or their journey; `nurture prospect release` lets one go on"),
        ("failing", (PROSPECTS.c.errors > 0) & ~quarantined,
         "deciding fails for them; after 5 times they are quarantined", "read the log of nurture run"),
    )  # fmt: skip
    found = [
        _prospects.warn(name, f"{which}: {says}", does)
        for name, rule, says, does in checks
        if (which := _which(connection, rule))
    ]
    late = _which(connection, PROSPECTS.c.wake_at < now - LATE)
    if late and delivers:
        does = "read its log; a machine that is too slow gets there later"
        found.append(_prospects.warn("late", f"{late}: due for more than an hour, though nurture runs", does))
    elif late:
        found.append(_prospects.warn("late", f"{late}: due for more than an hour", "is nurture run running?"))
    yield from found or [_prospects.ok("prospects", f"{total:,}, none stuck, quarantined or late")]


def _which(connection: Connection, rule: ColumnElement[bool]) -> str:
    """How many, and the numbers of the first; empty if none."""
    count = connection.scalar(select(func.count()).select_from(PROSPECTS).where(rule)) or 0
    if not count:
        return ""
    ids = connection.scalars(select(PROSPECTS.c.id).where(rule).order_by(PROSPECTS.c.id).limit(_MOST_NAMED))
    more = ", ..." if count > _MOST_NAMED else ""
    return f"{count:,} prospect{'s' if count > 1 else ''} (id {', '.join(map(str, ids))}{more})"


def examine_messages(connection: Connection, now: datetime, *, delivers: bool | None) -> Iterator[Finding]:
    """What is on its way, in doubt, or refused for want of proof."""
    states = select(func.coalesce(TOUCHES.c.outcome, TOUCHES.c.state), func.count()).group_by(
        func.coalesce(TOUCHES.c.outcome, TOUCHES.c.state)
    )
    count: dict[str, int] = {str(state): int(many) for state, many in connection.execute(states)}
    said = ", ".join(f"{many:,} {state.replace('_', ' ')}" for state, many in sorted(count.items()))
    yield _messages.ok("messages", said or "none yet")
    if count.get("in_doubt"):
        says = f"{count['in_doubt']:,} left and nobody answered; policy [smtp] in_doubt decides after a day"
        yield _messages.warn("in doubt", says, "nurture outbox list")
    torn = sum(count.get(state, 0) for state in ("claimed", "fenced"))
    if torn and delivers is False:
        says = f"{torn:,} on their way when nurture ended"
        yield _messages.warn("torn", says, "nurture run: fenced ones become in doubt, the others are sent")
    yield from _stopped(connection, now)
    yield from _refused(connection)


def _stopped(connection: Connection, now: datetime) -> Iterator[Finding]:
    """The account and receivers that get less than their pace, or nothing, and why."""
    for one in standing(connection, now):
        if one.state == "ok":
            continue
        who = f"mail to {one.receiver}" if one.receiver else "all mail"
        since = f" since {one.since:%Y-%m-%d %H:%M}" if one.since else ""
        says = f"{who} is {_STATES.get(one.state, one.state)}{since}: {' '.join(one.reason.split())[:300]}"
        advice = advice_on(one.reason)
        resume = f"nurture outbox resume {one.receiver}".strip()
        if advice or one.state == "stopped":
            does = f"{advice or 'put the cause right'}; then `{resume}`"
            yield _messages.wrong(one.state, says, does)
        else:
            yield _messages.warn(one.state, says, "it goes on by itself once servers take more")


def _refused(connection: Connection) -> Iterator[Finding]:
    """Waiting messages that a receiver refused because ours prove too little: what to put right."""
    waiting = select(TOUCHES.c.words).where(TOUCHES.c.state.in_(LIVE), TOUCHES.c.words != "")
    words = connection.scalars(waiting.order_by(TOUCHES.c.id.desc()).limit(_MOST_WORDS)).all()
    told: dict[str, tuple[str, int]] = {}
    for each in words:
        if does := advice_on(each):
            told[does] = (each, told.get(does, (each, 0))[1] + 1)
    for does, (each, many) in told.items():
        yield _messages.wrong(
            "refused", f"{many:,} wait; the server said {' '.join(each.split())[:160]!r}", does
        )
