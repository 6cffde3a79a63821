"""`nurture check`: everything that is wrong with the authored files, at once."""

from pathlib import Path

import click

from nurture import clock
from nurture.authoring import Problem, Workspace, load, read_files
from nurture.cli.printing import next_step


@click.command("check", short_help="Check the files: everything that is wrong, at once.")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default=".")
def command(folder: Path) -> None:
    """Check the authored files of FOLDER (default: here).

    Every problem stands on a line: file:line:column, where in the file, what is wrong, what to write
    instead. Exit code 1 if there is any; warnings alone leave it at 0.
    """
    loaded = load(read_files(folder), today=clock.now().date())
    for line in _aligned(loaded.problems):
        click.echo(line)
    if loaded.workspace is None:
        count = len(loaded.errors)
        click.secho(f"{count} problem{'s' if count != 1 else ''}", fg="red", err=True)
        raise click.exceptions.Exit(1)
    click.secho(_counted(loaded.workspace), fg="green")
    next_step("nurture test  (play the stories), then nurture demo")


def _counted(workspace: Workspace) -> str:
    programme = workspace.programme
    parts = (
        (len(programme.pieces), "piece"),
        (len(programme.sequences), "sequence"),
        (len(programme.signals), "signal"),
    )
    counts = ", ".join(f"{count} {word}{'s' if count != 1 else ''}" for count, word in parts)
    return f"ok: {counts}, agreement v{programme.agreement.version} (programme {workspace.hash[:12]})"


def _aligned(problems: tuple[Problem, ...]) -> list[str]:
    """A line a problem, places and paths in columns; what is wrong begins at the same width."""
    places = max((len(problem.place) for problem in problems), default=0)
    paths = max((len(problem.where) for problem in problems if len(problem.where) <= 40), default=0)
    lines = []
    for problem in problems:
        what = f"warning: {problem.what}" if problem.warning else problem.what
        hint = f"  ({problem.hint})" if problem.hint else ""
        lines.append(f"{problem.place:<{places}}  {problem.where:<{paths}}  {what}{hint}".rstrip())
    return lines
