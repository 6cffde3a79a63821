"""The duties that take in what came: journalled answers, hits, doubts, mail."""

import asyncio
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from nurture import failpoints
from nurture.delivery import journalled
from nurture.engine import doubting, retention, settling, unsubscribing
from nurture.engine.engine import Engine
from nurture.engine.fetching import Taking, fetch
from nurture.engine.mailboxes import Unreachable
from nurture.engine.shelf import links_in
from nurture.store import programmes


async def replay_journal(engine: Engine, now: datetime) -> int:
    """Bring in what the store could not take. Before anything is claimed: there may be unsubscribes, and
    answers of servers about messages that would else be in doubt."""
    if not engine.journal.waiting:
        return 0
    active = await engine.store.aread(lambda connection: programmes.active(connection).programme)
    takers = {
        unsubscribing.KIND: unsubscribing.taker(
            engine.store, engine.suppression_key, lambda: active, lambda: now
        ),
        journalled.KIND: journalled.taker(engine.store, engine.suppression_key, now),
    }
    return await asyncio.to_thread(engine.journal.replay, takers)


async def settle_hits(engine: Engine, now: datetime) -> int:
    """Judge hits whose neighbours are known by now."""
    settled = await engine.store.write(partial(_settle, engine, now))
    failpoints.hit("settle.after")
    return settled.messages


async def judge_again(engine: Engine, now: datetime) -> int:
    """Judge hits anew where the rules or the operator's list are others than when they settled."""
    judged = 0
    while await engine.store.aread(partial(settling.is_stale, now=now, networks=engine.networks)):
        done = (await engine.store.write(partial(_judge_again, engine, now))).messages
        judged += done
        if not done or engine.stopping.is_set():
            break
    return judged


async def forget_agents(engine: Engine, now: datetime) -> int:
    """Forget who asked, where nothing is judged by it any more."""
    forgotten = 0
    while await engine.store.aread(partial(retention.is_due, now=now)):
        done = await engine.store.write(partial(retention.forget, now=now))
        forgotten += done
        if not done or engine.stopping.is_set():
            break
    return forgotten


async def resolve_doubts(engine: Engine, now: datetime) -> int:
    """Settle messages in doubt that are proven, or that waited long enough."""
    resolved: doubting.Resolved = await engine.store.write(partial(_resolve, engine, now))
    return sum(resolved)


async def fetch_mail(engine: Engine, now: datetime) -> int:
    """Take in the mail that came back."""
    if engine.mailbox is None:
        return 0
    taking = Taking(engine.store, engine.shelf, engine.keys, engine.suppression_key, engine.networks)
    try:
        done = await asyncio.to_thread(fetch, engine.mailbox, taking, now, engine.stopping.is_set)
    except Unreachable as trouble:
        engine.unread = str(trouble)
        engine.log(f"mail is not read for now: {trouble}")
        return 0
    engine.unread = ""
    return done


def _settle(engine: Engine, now: datetime, connection: Connection) -> settling.Settled:
    active, links = programmes.active(connection).programme, partial(links_in, connection, engine.shelf)
    return settling.settle_hits(connection, now, active, links, networks=engine.networks)


def _judge_again(engine: Engine, now: datetime, connection: Connection) -> settling.Settled:
    active, links = programmes.active(connection).programme, partial(links_in, connection, engine.shelf)
    return settling.reclassify(connection, now, active, links, networks=engine.networks)


def _resolve(engine: Engine, now: datetime, connection: Connection) -> doubting.Resolved:
    active = programmes.active(connection).programme
    return doubting.resolve_doubts(connection, now, engine.in_doubt, active, key=engine.suppression_key)
