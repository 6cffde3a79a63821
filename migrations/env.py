"""How a migration runs: on the connection that `nurture.store.schema` gives, in one transaction.

SQLite rebuilds a table by copying it; with foreign keys on, dropping the old one would empty its children
without a word. So they are off, which SQLite only allows outside a transaction, and checked at the end. The
rename at the end of such a copy must not look into triggers that name the old table (`legacy_alter_table`).
Triggers of the table itself go with it: a migration that rebuilds `consents` makes its triggers again.
"""

from alembic import context
from sqlalchemy import Connection

from nurture import failpoints
from nurture.store.tables import Row

UPGRADING = 0x6E757274
"""The key of the PostgreSQL lock that makes two upgrades wait for each other."""


def migrate(connection: Connection) -> None:
    """Run what the command asked for, whole or not at all."""
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        connection.connection.cursor().execute("PRAGMA legacy_alter_table=ON")
    with connection.begin():
        if not sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({UPGRADING})")
        context.configure(
            connection=connection, target_metadata=Row.metadata, render_as_batch=True, transactional_ddl=True
        )
        context.run_migrations()
        if sqlite:
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if broken:
                raise RuntimeError(f"the migration would leave rows without their parents: {broken[:5]}")
        failpoints.hit("migration.before")
    if sqlite:
        connection.connection.cursor().execute("PRAGMA legacy_alter_table=OFF")
        connection.connection.cursor().execute("PRAGMA foreign_keys=ON")


migrate(context.config.attributes["connection"])
