"""`nurture run` in a hurry: leases of two seconds, every duty looked at five times a second."""

import logging
import sys
from datetime import timedelta
from pathlib import Path

from nurture.assembly import open_nurture
from nurture.drivers import loop
from nurture.drivers.embedded import run
from nurture.engine.duties import DUTIES
from nurture.errors import Mistake

LEASE = timedelta(seconds=2)
QUICK = 0.2
"""Seconds between two looks at a duty."""


def main() -> None:
    """As the command does it, in the folder it is started in."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    duties = [duty._replace(every=min(duty.every, QUICK)) for duty in DUTIES]
    try:
        with open_nurture(Path.cwd()) as nurture:
            loop.run(run(nurture, duties=duties, lease=LEASE))
    except Mistake as mistake:
        sys.exit(f"Error: {mistake}")


if __name__ == "__main__":
    main()
