"""`nurture test`: play the stories."""

from pathlib import Path

import click

from nurture.assembly import load_folder
from nurture.cli.printing import next_step
from nurture.errors import Mistake
from nurture.simulation.rehearsal import play
from nurture.simulation.stories import StoryProblem, read_file


@click.command("test", short_help="Play the stories and compare what is decided.")
@click.argument("stories", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--verbose", "-v", is_flag=True, help="Print every journey, not only what differs.")
def command(stories: tuple[Path, ...], verbose: bool) -> None:
    """Play STORIES (default: stories/*.story) against the files of this folder.

    A story is a journey written as text. What was observed is played in; what is decided must come out.
    Nothing is sent and nothing is stored.
    """
    programme = load_folder(Path.cwd()).programme
    files = [file for path in stories or (Path("stories"),) for file in _files(path)]
    if not files:
        raise Mistake("there are no stories here; write one as stories/NAME.story (docs/stories.md)")
    failed = 0
    for file in files:
        try:
            played = play(read_file(file), programme)
        except StoryProblem as problem:
            failed += 1
            click.secho(str(problem), fg="red")
            continue
        passed = not played.differences
        failed += not passed
        click.secho(f"{'ok    ' if passed else 'FAILED'} {file}", fg="green" if passed else "red")
        for difference in played.differences:
            click.echo(f"       {difference}")
        if verbose or not passed:
            for line in played.journey:
                click.echo(f"       {line}")
    click.echo(f"{len(files)} stories, {len(files) - failed} as written, {failed} not")
    if failed:
        raise click.exceptions.Exit(1)
    next_step("nurture apply  (make these files the active programme)")


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.story")) if path.is_dir() else [path]
