"""How many forms programs have filled in: dropped, and not in silence."""

from sqlalchemy import Connection, Integer, String, cast, select
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store.tables import META

_PREFIX = "dropped forms: "


def count_one(connection: Connection, form: str) -> None:
    """One more of this form."""
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    more = cast(cast(META.c.value, Integer) + 1, String)
    first = kind.insert(META).values(key=f"{_PREFIX}{form}", value="1")
    connection.execute(first.on_conflict_do_update(index_elements=["key"], set_={"value": more}))


def counts(connection: Connection) -> dict[str, int]:
    """Dropped forms by the form's name."""
    rows = connection.execute(select(META).where(META.c.key.startswith(_PREFIX, autoescape=True)))
    return {key.removeprefix(_PREFIX): int(value) for key, value in rows}
