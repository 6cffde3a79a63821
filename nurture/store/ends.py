"""How touches end: their rows, the facts of it, and prospects that are woken by them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from nurture.core.facts import Body, Bounced, TouchEnded
from nurture.drafting import codec
from nurture.store import facts, sql
from nurture.store.touches import Ending


def write_ends(
    connection: Connection,
    endings: Sequence[Ending],
    now: datetime,
    counts: Mapping[int, int] | None = None,
) -> None:
    """Rows and facts of touches that ended; the caller holds the locks and has looked at the states.

    `counts`: how many facts each prospect has, where the caller has read that under the lock.
    """
    if not endings:
        return
    statements, driver = sql.of(connection)
    before = counts or facts.lock(connection, {ending.claim.prospect for ending in endings})
    news = [(each.claim.prospect, each.at or now, body) for each in endings for body in _told(each)]
    written, after = _numbered(news, before)
    ended = [sql.Ended(each.claim.touch, each.outcome, each.words, each.at or now) for each in endings]
    statements.record(driver, ended, written, after, now, endings[0].claim.programme)


def _told(ending: Ending) -> tuple[Body, ...]:
    """The facts of an end."""
    ended = TouchEnded(ending.claim.decision, ending.outcome, ending.words)
    return (ended, Bounced(ending.claim.decision, ending.bounce)) if ending.bounce else (ended,)


def _numbered(
    news: Iterable[tuple[int, datetime, Body]], before: Mapping[int, int]
) -> tuple[list[sql.Written], dict[int, int]]:
    """Facts as rows, numbered from each prospect's count on; and their counts then."""
    written: list[sql.Written] = []
    after: dict[int, int] = {}
    for prospect, at, body in news:
        after[prospect] = n = after.get(prospect, before[prospect]) + 1
        written.append(sql.Written(prospect, n, at, *codec.encode_body(body)))
    return written, after
