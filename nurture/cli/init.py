"""`nurture init`: a workspace of one's own, begun from the example programme."""

from pathlib import Path

import click

from nurture.assembly import begin
from nurture.cli.printing import next_step
from nurture.secrets import write_secrets


@click.command("init", short_help="Begin a workspace from the example programme.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Make a workspace in FOLDER: the example programme with its stories, and keys of your own.

    FOLDER must not exist yet, or be empty.
    """
    begin(folder)
    write_secrets(folder)
    click.echo(f"{folder} holds a programme to make your own, and secrets.toml with new keys (keep a copy).")
    next_step(f"cd {folder} && nurture check")
