"""Can the store be written now? A real write of a page that takes it away again, and the schema's version."""

from sqlalchemy import Connection, delete, insert, text

from nurture.errors import Mistake
from nurture.store.engines import is_full, is_locked
from nurture.store.tables import META

_PAGE = "x" * 8192
"""More than a page: there must be room for a new one."""


def probe(connection: Connection, name: str) -> str | None:
    """Write and take away; the version of the schema. `name` is this process's alone."""
    key = f"probe {name}"
    connection.execute(delete(META).where(META.c.key == key))
    connection.execute(insert(META).values(key=key, value=_PAGE))
    connection.execute(delete(META).where(META.c.key == key))
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def why_not(error: BaseException) -> str:
    """Why the store could not be written, in words that name no file and show no value."""
    cause = error.__cause__ if isinstance(error, Mistake) else error
    if is_full(error):
        return "the store is full"
    if isinstance(error, TimeoutError) or (cause is not None and is_locked(cause)):
        return "the store is busy: another process holds it"
    return f"the store cannot be written: {type(error).__name__}"
