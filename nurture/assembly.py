"""Settings -> the wired program: the one place that knows how the parts fit together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nurture import clock
from nurture.authoring import Loaded, Problem, Workspace, load, read_files
from nurture.core.programme import Programme
from nurture.engine.shelf import Shelf
from nurture.errors import Mistake
from nurture.settings import Secrets, Settings, read_secrets, read_settings
from nurture.store import Store, programmes, schema, suppressions, suppressions

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """A file or folder that ships with the program: inside the installed package, or in the checkout."""
    for home in (_PACKAGE / "shipped", _PACKAGE.parent):
        if (home / name).exists():
            return home / name
    raise FileNotFoundError(f"{name} is not shipped with this installation of nurture")


@dataclass(frozen=True)
class Nurture:
    """A workspace, opened: its settings, keys, store and programmes."""

    folder: Path
    settings: Settings
    secrets: Secrets
    store: Store
    shelf: Shelf

    def programme(self) -> Programme:
        """The active programme."""
        return self.store.read(self.shelf.active).programme

    def now(self) -> datetime:
        """Business time."""
        return clock.now()


@contextmanager
def open_nurture(folder: Path) -> Iterator[Nurture]:
    """Open the workspace in `folder`: the schema is brought up to date, and the first programme applied.

    Raises Mistake where the folder is no workspace, its files have errors, or the store cannot be opened.
    """
    settings, secrets = read_settings(folder), read_secrets(folder)
    schema.upgrade(settings.database, shipped("migrations"))
    with Store(settings.database) as store:
        shelf = Shelf(lambda: clock.now().date())
        store.write_now(lambda connection: suppressions.keep_fingerprint(connection, secrets.suppression))
        if not store.read(programmes.is_any_active):
            workspace = load_folder(folder)
            now = clock.now()
            store.write_now(lambda connection: programmes.apply(connection, workspace, now))
        yield Nurture(folder, settings, secrets, store, shelf)


def load_folder(folder: Path) -> Workspace:
    """The authored files of a folder as a workspace. Raises Mistake that lists every error."""
    loaded: Loaded = load(read_files(folder), today=clock.now().date())
    if loaded.workspace is None:
        raise Mistake(_listed(loaded.errors))
    return loaded.workspace


def _listed(errors: list[Problem]) -> str:
    return "the files have errors (`nurture check` shows them too)\n" + "\n".join(map(str, errors))
