"""The programmes in memory: each loaded once from its stored text, by content hash."""

from collections.abc import Callable
from datetime import date

from sqlalchemy import Connection

from nurture.authoring import Workspace, load
from nurture.store import programmes


class Shelf:
    """Workspaces by hash. The daemon runs what `apply` stored, never the files."""

    def __init__(self, today: Callable[[], date]) -> None:
        """`today` tells the day from which public holidays are looked up."""
        self._today = today
        self._loaded: dict[str, Workspace] = {}

    def active(self, connection: Connection) -> Workspace:
        """The active workspace. Raises Mistake where none was applied yet."""
        return self.of(connection, programmes.active(connection).programme)

    def of(self, connection: Connection, hash: str) -> Workspace:
        """The workspace of a hash that some fact or touch names."""
        if hash not in self._loaded:
            self.put(_loaded(programmes.text(connection, hash), self._today()))
        return self._loaded[hash]

    def loaded(self, hash: str) -> Workspace:
        """A workspace that is in memory. Raises KeyError."""
        return self._loaded[hash]

    def all_live(self, connection: Connection) -> None:
        """Load every programme under which some message is on its way."""
        for hash in programmes.on_their_way(connection):
            self.of(connection, hash)

    def put(self, workspace: Workspace) -> None:
        """Keep a workspace that was just loaded from files."""
        self._loaded[workspace.hash] = workspace


def _loaded(files: dict[str, str], today: date) -> Workspace:
    loaded = load(files, today=today)
    if loaded.workspace is None:
        # Stored text was valid when it was applied; a rule that came later must not stop the daemon silently.
        raise ValueError("the stored programme cannot be read: " + "; ".join(map(str, loaded.errors)))
    return loaded.workspace
