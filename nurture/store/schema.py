"""The schema's version: which one a database has, which one this program needs, and the way there.

Migrations are Alembic's, in a folder that the caller names (shipped with the program). They run in one
transaction on both databases; two processes that upgrade at once wait for each other.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from nurture import failpoints
from nurture.errors import Mistake
from nurture.store import engines


def upgrade(url: str, folder: Path) -> None:
    """Bring the database at `url` to the newest version in `folder`; an empty one is filled.

    Where nothing is to be done, nothing is locked: every command may call it.

    Raises Mistake where the database cannot be opened or was written by a newer program.
    """
    if _refuse_newer(url, folder) == head(folder):
        return
    engine = _engine(url)
    try:
        with engines.connected(engine) as connection:
            config = _config(folder)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            failpoints.hit("migration.after")
    finally:
        engine.dispose()


def current(url: str) -> str | None:
    """The version of the database; None where it is empty, or a file that is not there yet."""
    address = engines.database_url(url)
    if engines.is_sqlite(address) and not Path(str(address.database)).exists():
        return None  # reading would make it, and readable by everybody
    engine = engines.sqlite_reader(address) if engines.is_sqlite(address) else engines.postgres(address, 1)
    try:
        with engines.connected(engine) as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def head(folder: Path) -> str:
    """The newest version in `folder`."""
    return str(ScriptDirectory.from_config(_config(folder)).get_current_head())


def _refuse_newer(url: str, folder: Path) -> str | None:
    known = {script.revision for script in ScriptDirectory.from_config(_config(folder)).walk_revisions()}
    has = current(url)
    if has is not None and has not in known:
        raise Mistake(f"The database is at version {has}, which this program does not know: upgrade nurture.")
    return has


def _engine(url: str) -> Engine:
    address = engines.database_url(url)
    return engines.sqlite_writer(address) if engines.is_sqlite(address) else engines.postgres(address, 1)


def _config(folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
