"""`nurture init`: a workspace of one's own, begun from the example programme."""

import shutil
from pathlib import Path

import click

from nurture.assembly import shipped
from nurture.cli.printing import next_step
from nurture.errors import Mistake
from nurture.settings import write_secrets

EXAMPLE = ("nurture.toml", "programme.yaml", "agreement.yaml", "sequences", "templates", "stories")

_IGNORED = """secrets.toml
*.db
*.db-wal
*.db-shm
*.db.lock
*.db.journal
outbox/
"""


@click.command("init", short_help="Begin a workspace from the example programme.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Make a workspace in FOLDER: the example programme with its stories, and keys of your own.

    FOLDER must not exist yet, or be empty.
    """
    example = {name: shipped(name) for name in EXAMPLE}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Mistake(f"{folder} is not empty; name a new folder, so that nothing is overwritten")
        for name, source in example.items():
            _copy(source, folder / name)
        (folder / ".gitignore").write_text(_IGNORED, encoding="utf-8")
        write_secrets(folder)
    except OSError as wrong:
        raise Mistake(f"{wrong.filename or folder} cannot be written: {wrong.strerror}") from None
    click.echo(f"{folder} holds a programme to make your own, and secrets.toml with new keys (keep a copy).")
    next_step(f"cd {folder} && nurture check")


def _copy(source: Path, target: Path) -> None:
    """A file or a folder, contents alone: the copies belong to whoever runs this and can be changed."""
    if source.is_dir():
        target.mkdir()
        for inside in sorted(source.iterdir()):
            if not inside.name.startswith("."):
                _copy(inside, target / inside.name)
    else:
        shutil.copyfile(source, target)
