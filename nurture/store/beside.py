"""Long jobs beside a daemon: both get on."""

import time
from typing import TypeVar

from sqlalchemy import Connection

from nurture import clock
from nurture.store import runlock
from nurture.store.door import Store, Work

T = TypeVar("T")


def write_beside(store: Store, work: Work[T]) -> T:
    """Do work of a long job that writes again and again.

    SQLite knows no queue: who waits for the lock tries again now and then, and a job that takes it at once
    each time keeps a daemon out for seconds. So where one runs, as much time is left free as was used.
    """
    used = 0.0

    def timed(connection: Connection) -> T:
        nonlocal used
        begun = clock.tick()
        try:
            return work(connection)
        finally:
            used = clock.tick() - begun

    done = store.write_now(timed)
    if store.database is not None and runlock.holder(store.database):
        time.sleep(used)
    return done
