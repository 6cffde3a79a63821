"""`nurture run`, hurried, with a database that may not grow while the file $FULL is there."""

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from nurture.assembly import open_nurture
from nurture.delivery import attempt, retry
from nurture.drivers import loop
from nurture.drivers.embedded import run
from nurture.engine.duties import DUTIES

FULL = Path(os.environ["FULL"])
PLENTY = 1 << 30


@event.listens_for(Engine, "begin")
def limited(connection: Any) -> None:
    """SQLite's own limit; one below what there is means no page more."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA max_page_count={1 if FULL.exists() else PLENTY}")


def main() -> None:
    """As the command does it, in the folder it is started in."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    retry.SERVER_PAUSE = attempt.SERVER_PAUSE = timedelta(seconds=1)  # type: ignore[attr-defined]
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    with open_nurture(Path.cwd()) as nurture:
        loop.run(run(nurture, duties=[duty._replace(every=min(duty.every, 0.1)) for duty in DUTIES]))


if __name__ == "__main__":
    main()
