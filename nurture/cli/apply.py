"""`nurture apply`: make the files of this folder the active programme."""

from pathlib import Path

import click

from nurture import clock
from nurture.assembly import load_folder, open_nurture, refuse_unfit
from nurture.cli.printing import next_step
from nurture.store import programmes


@click.command("apply", short_help="Make the files of this folder the active programme.")
def command() -> None:
    """Check the files, store them under their content hash, and make them active for everyone at once.

    Refused where somebody is in, or waits for, something that the files no longer have. Everyone is looked
    at again; the next wake does that, a few at a time.

    Refused too where mail would reach the world without what law and receivers ask of a sender: an address of
    one's own, a postal address, https for unsubscribing.
    """
    workspace = load_folder(Path.cwd())
    with open_nurture(Path.cwd()) as nurture:
        refuse_unfit(workspace.programme.sender, nurture.settings)
        now = clock.now()
        changed = nurture.store.write_now(lambda connection: programmes.apply(connection, workspace, now))
    version = workspace.programme.agreement.version
    if changed:
        click.secho(f"Applied programme {workspace.hash[:12]}, agreement v{version}.", fg="green")
        next_step("nurture run  (or nurture wake for one pass)")
    else:
        click.echo(f"Programme {workspace.hash[:12]} is active already.")
