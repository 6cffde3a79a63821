"""Somebody says who they are: what the same browser read before, and reads from now on, is theirs.

By a form they send, or by a page they open from a message. A view is somebody's for ever: who says later that
the browser is theirs gets what comes after. Views of programs are joined and stay a machine's.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from nurture.core.facts import Body, PageViewed
from nurture.core.policy import views_need_consent
from nurture.drafting.codec import Unreadable, decode_attributes
from nurture.intake.agents import is_program
from nurture.intake.tracking import HUMAN, MACHINE
from nurture.store import hits, visitors
from nurture.store.facts import lock, note
from nurture.store.hits import Seen
from nurture.store.tables import PROSPECTS, whose_touch

JOINED = "the same browser said who it is"
PROGRAM = "agent is a program"
PREFETCH = "prefetch"


def join(connection: Connection, visitor: str, prospect: int, now: datetime, programme: str) -> int:
    """The browser is the prospect's; how many views of a stranger became theirs."""
    lock(connection, [prospect])
    views = visitors.views_of_stranger(connection, visitor, now)
    visitors.claim(connection, visitor, prospect, now)
    read = [view for view in views if not _against(view)]
    news: list[tuple[Body, datetime]] = [(PageViewed(view.url), view.at) for view in read]
    noted = note(connection, {prospect: news}, known=now, programme=programme).get(prospect, ())
    numbers = {view.id: fact.n for view, fact in zip(read, noted, strict=True)}
    for view in views:
        verdict = HUMAN if view.id in numbers else MACHINE
        visitors.join(connection, view.id, prospect, verdict, [JOINED, *_against(view)], numbers.get(view.id))
    return len(views)


class View(NamedTuple):
    """A page view as it comes: of the message that led there, where one did."""

    touch: int | None
    seen: Seen


def keep(connection: Connection, view: View, now: datetime, programme: str) -> None:
    """Keep a page view. One that a message led to waits to be judged with its click; any other is settled as
    it comes, and is theirs at once whose browser we know.

    Nothing is kept of somebody who did not agree, where their country's policy asks for it.
    """
    touch, seen = view
    if touch is not None:
        if not seen.visitor and views_need_consent(_country(connection, whose_touch(touch)[0])):
            return
        if hits.keep_hit(connection, touch, seen):
            return
    hits.keep_view(connection, seen)
    if seen.visitor and (owner := visitors.whose(connection, seen.visitor)):
        join(connection, seen.visitor, owner.prospect, now, programme)


def _country(connection: Connection, prospect: int) -> str | None:
    """Where somebody is, as far as the last wake knew."""
    snapshot = connection.scalar(select(PROSPECTS.c.snapshot).where(PROSPECTS.c.id == prospect))
    try:
        known = decode_attributes(snapshot).get("country") if snapshot else None
    except Unreadable:
        return None
    return known.value if known is not None and isinstance(known.value, str) else None


def _against(view: Any) -> list[str]:
    """What says that a program loaded the page."""
    rules = ((PROGRAM, is_program(view.agent)), (PREFETCH, view.prefetch))
    return [name for name, speaks in rules if speaks]
