"""The programmes in memory: each loaded once from its stored text, by content hash."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from threading import Lock

from sqlalchemy import Connection

from nurture.authoring import Workspace, load
from nurture.errors import Mistake
from nurture.store import programmes


class Shelf:
    """Workspaces by hash. The daemon runs what `apply` stored, never the files."""

    def __init__(self, today: Callable[[], date]) -> None:
        """`today` tells the day from which public holidays are looked up."""
        self._today = today
        self._loaded: dict[str, Workspace] = {}
        self._unusable: dict[str, str] = {}
        self._loading = Lock()

    def active(self, connection: Connection) -> Workspace:
        """The active workspace. Raises Mistake where none was applied yet."""
        return self.of(connection, programmes.active(connection).programme)

    def of(self, connection: Connection, hash: str) -> Workspace:
        """The workspace of a hash that some fact or touch names.

        Raises Mistake where the stored text breaks a rule: somebody wrote it by hand, or the rule came later.
        """
        if hash in self._unusable:
            raise Mistake(self._unusable[hash])
        if hash not in self._loaded:
            with self._loading:  # a page and a click may need it at once, and loading is not for two threads
                if hash not in self._loaded:
                    self._load(hash, programmes.text(connection, hash))
        return self._loaded[hash]

    def loaded(self, hash: str) -> Workspace:
        """A workspace that is in memory. Raises KeyError."""
        return self._loaded[hash]

    def all_live(self, connection: Connection) -> None:
        """Load every programme under which some message is on its way; `of` tells of unusable ones."""
        for hash in programmes.on_their_way(connection):
            with suppress(Mistake):
                self.of(connection, hash)

    def put(self, workspace: Workspace) -> None:
        """Keep a workspace that was just loaded from files."""
        self._loaded[workspace.hash] = workspace

    def _load(self, hash: str, files: dict[str, str]) -> None:
        loaded = load(files, today=self._today())
        if loaded.workspace is None:
            self._unusable[hash] = (
                f"The programme {hash[:12]} in the database breaks a rule ({loaded.errors[0]}); "
                "correct the files here and run `nurture apply`."
            )
            raise Mistake(self._unusable[hash])
        self.put(loaded.workspace)


def links_in(connection: Connection, shelf: Shelf, programme: str, piece: str) -> int:
    """How many tracked links the message of a piece holds under a programme."""
    template = shelf.of(connection, programme).templates.get(piece)
    return len(template.links) if template else 0
