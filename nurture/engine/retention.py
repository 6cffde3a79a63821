"""What is known of who asked is forgotten once nothing is judged by it any more. docs/hits.md#what-is-kept.

Verdicts, reasons and facts stay as they are: hits this old are not judged again.
"""

from datetime import datetime

from sqlalchemy import Connection

from nurture.engine.settling import JUDGED_AGAIN_FOR
from nurture.intake.families import family_of
from nurture.store import retention
from nurture.store.visitors import REACHES_BACK

AT_A_TIME = 500
"""Hits of one transaction, so that nobody waits long for the store."""


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether there is something to forget."""
    agents = retention.has_agents(connection, now - JUDGED_AGAIN_FOR)
    return agents or retention.has_strangers(connection, now - REACHES_BACK)


def forget(connection: Connection, now: datetime) -> int:
    """Shorten agents of hits that are too old to be judged again, and delete what strangers read that nobody
    can say is theirs any more; how many of both, and 0 once all is done."""
    whole = retention.agents(connection, now - JUDGED_AGAIN_FOR, AT_A_TIME)
    retention.shorten(connection, {hit: family_of(agent) for hit, agent in whole.items()}, now)
    return len(whole) + retention.drop_strangers(connection, now - REACHES_BACK, AT_A_TIME)
