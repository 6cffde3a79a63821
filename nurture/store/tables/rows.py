"""What all tables are made of: one metadata, one naming convention, and the columns that come again."""

from typing import Any, Literal

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, MetaData, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """The base of all tables: one metadata, one naming convention."""

    metadata = MetaData(naming_convention=NAMING)


def big(**more: Any) -> Any:
    """A number of 64 bits."""
    return Field(sa_type=BigInteger, **more)


def json(**more: Any) -> Any:
    """Values in a shape of their own."""
    return Field(sa_type=JSON().with_variant(JSONB(), "postgresql"), **more)


def numbered() -> Any:
    """A row's number of 64 bits, given by the database."""
    number = BigInteger().with_variant(Integer(), "sqlite")
    return Field(default=None, sa_column=Column(number, primary_key=True, autoincrement=True))


def owner(*, primary: bool = False, index: bool = False) -> Any:
    """A prospect's number; what belongs to a person goes with the person."""
    person = ForeignKey("prospects.id", ondelete="CASCADE")
    return Field(sa_column=Column(BigInteger, person, primary_key=primary, nullable=False, index=index))


def somebody(left: Literal["CASCADE", "SET NULL"] = "CASCADE", *, index: bool = True) -> Any:
    """A prospect's number where it is known whose a row is; `left` says what becomes of it without them."""
    return Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("prospects.id", ondelete=left), index=index)
    )


def some(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over those rows alone that are looked for."""
    only = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=only, postgresql_where=only)


def one_of(column: str, *words: str) -> str:
    """That a column holds one of these words, as SQL."""
    return f"{column} IN ({', '.join(repr(word) for word in words)})"
