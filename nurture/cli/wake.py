"""`nurture wake`: one pass of everything that is due; enough for cron."""

from datetime import datetime
from pathlib import Path

import click

from nurture import clock
from nurture.assembly import open_nurture
from nurture.cli.instants import INSTANT
from nurture.cli.printing import mind_changed_files, next_step
from nurture.drivers import loop
from nurture.drivers.embedded import one_pass
from nurture.errors import Mistake
from nurture.store.facts import newest


@click.command("wake", short_help="One pass of everything that is due.")
@click.option("--at", type=INSTANT, help='Pretend that it is this instant (only where clock = "virtual").')
def command(at: datetime | None) -> None:
    """Decide for everybody who is due, send what may leave now, settle hits, tell sales. Then stop."""
    folder = Path.cwd()
    with open_nurture(folder) as nurture:
        if at is not None:
            if nurture.settings.clock != "virtual":
                raise Mistake('--at needs clock = "virtual" at the top of nurture.toml')
            last = nurture.store.read(newest)
            if last is not None and at < last:
                raise Mistake(f"--at: this workspace has lived until {last:%Y-%m-%dT%H:%M:%SZ} already")
            clock.set_virtual(at)
        mind_changed_files(nurture)
        done, trouble = loop.run(one_pass(nurture))
    if trouble:
        raise Mistake(
            f"{done} things done, then sending stopped: {trouble}. What waits is tried again later."
        )
    click.echo(f"{done} things done" if done else "Nothing is due.")
    next_step("nurture prospect list  or  nurture run")
