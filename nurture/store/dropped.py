"""How many forms programs have filled in: dropped, and not in silence."""

from sqlalchemy import Connection, insert, select, update

from nurture.store.tables import META

_PREFIX = "dropped forms: "


def count_one(connection: Connection, form: str) -> None:
    """One more of this form."""
    key = META.c.key == f"{_PREFIX}{form}"
    before = connection.scalar(select(META.c.value).where(key).with_for_update())
    if before is None:
        connection.execute(insert(META).values(key=f"{_PREFIX}{form}", value="1"))
    else:
        connection.execute(update(META).where(key).values(value=str(int(before) + 1)))


def counts(connection: Connection) -> dict[str, int]:
    """Dropped forms by the form's name."""
    rows = connection.execute(select(META).where(META.c.key.startswith(_PREFIX, autoescape=True)))
    return {key.removeprefix(_PREFIX): int(value) for key, value in rows}
