"""Claiming: which touches may leave now, taken by one owner under a new epoch."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, update

from nurture import failpoints
from nurture.store.facts import chunks
from nurture.store.outbox import LEASE, WAITING, WITH_PERSON, Claim, Refused, as_claim, bar, from_now
from nurture.store.suppressions import reasons_of
from nurture.store.tables import TOUCHES


class Claimed(NamedTuple):
    """What a claim took: touches to send, and touches that turned out not to be wanted."""

    ready: list[Claim]
    barred: list[tuple[Claim, Refused]]


def claim_touches(
    connection: Connection, now: datetime, limit: int, *, owner: str, key: bytes, lease: timedelta = LEASE
) -> Claimed:
    """Take up to `limit` touches that may leave now, the longest due first.

    `owner` must be this process's alone; `lease` counts on PostgreSQL only, by the database's clock. `key`
    is the suppression key: whom we must not mail is found before anything is composed.
    """
    rows = connection.execute(_DUE, {"now": now, "most": limit}).all()
    if not rows:
        return Claimed([], [])
    for some in chunks([row.touch for row in rows]):
        take = update(TOUCHES).where(TOUCHES.c.id.in_(some)).values(state="claimed", owner=owner)
        more = {"epoch": TOUCHES.c.epoch + 1, "attempts": TOUCHES.c.attempts + 1}
        connection.execute(take.values(**more, lease_until=from_now(connection, lease)))
    claims = [as_claim(row)._replace(owner=owner, epoch=row.epoch + 1) for row in rows]
    silenced = reasons_of(connection, key, {claim.address for claim in claims if claim.address})
    cancelled = {row.touch for row in rows if row.cancelled}
    answers = {claim.touch: bar(claim.address, silenced, claim.touch in cancelled) for claim in claims}
    barred = [(claim, why) for claim in claims if (why := answers[claim.touch]) is not None]
    failpoints.hit("claim.before")
    return Claimed([claim for claim in claims if answers[claim.touch] is None], barred)


_NOW: BindParameter[datetime] = bindparam("now")
_DUE = (
    WITH_PERSON.where(WAITING, TOUCHES.c.due_at <= _NOW, TOUCHES.c.opens <= _NOW)
    .where(TOUCHES.c.closes > _NOW, TOUCHES.c.expires > _NOW)
    .order_by(TOUCHES.c.due_at, TOUCHES.c.id)
    .limit(bindparam("most"))
    .with_for_update(of=TOUCHES, skip_locked=True)
)
