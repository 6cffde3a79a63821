"""`nurture run`: the daemon."""

import logging
from pathlib import Path

import click

from nurture.assembly import open_nurture
from nurture.cli.printing import mind_changed_files
from nurture.drivers import loop
from nurture.drivers.embedded import run


@click.command("run", short_help="Run everything in one process, until stopped.")
def command() -> None:
    """Wake prospects, send, serve the public pages, settle hits and tell sales, each when it is due.

    Stop it with Ctrl-C or SIGTERM: what is on its way is brought to its end first. On SQLite only one
    process delivers; a second one says so and ends.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # that a busy duty is not begun twice is meant
    with open_nurture(Path.cwd()) as nurture:
        mind_changed_files(nurture)
        loop.run(run(nurture))
