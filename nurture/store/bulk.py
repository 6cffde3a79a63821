"""Many rows by one statement, without SQLAlchemy's work for each row and each value.

SQLAlchemy makes a dict of every row and passes every value through several calls, which costs a wake more
than the database does. A `Bulk` is compiled once for each kind of database; after that the driver gets plain
tuples. Values are converted by the columns' own types; instants, of which a batch holds few different ones,
each once.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, CursorResult, Dialect, Insert, Update
from sqlalchemy.types import TypeEngine
from sqlmodel.sql.sqltypes import UTCDateTime

Convert = Callable[[Any], Any]

_INSTANTS = 4096
"""Converted instants that are remembered, for each column of a statement."""


class _Compiled(NamedTuple):
    """The text, what puts a row in the order of its parameters, and what converts which of them."""

    text: str
    ordered: Callable[[Sequence[Any]], tuple[Any, ...]]
    conversions: tuple[tuple[int, Convert], ...]


class Bulk:
    """An INSERT or UPDATE for rows of values in the order of `names`, its parameters."""

    def __init__(self, statement: Insert | Update, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = tuple(names)
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, rows: Iterable[Sequence[Any]]) -> int:
        """How many rows were written or found; no rows ask nothing of the database."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name) or self._compile(dialect)
        values = [_taken(row, compiled) for row in rows]
        return connection.exec_driver_sql(compiled.text, values).rowcount if values else 0

    def _compile(self, dialect: Dialect) -> _Compiled:
        """With parameters by place; what one of them means does not depend on the connection."""
        style = "qmark" if dialect.paramstyle == "qmark" else "format"
        compiled: Any = self._statement.compile(
            dialect=cast(Any, type(dialect))(paramstyle=style),
            column_keys=self._names,
        )
        found = [(name, _converter(compiled.binds[name].type, dialect)) for name in compiled.positiontup]
        made = _Compiled(
            str(compiled),
            itemgetter(*(self._names.index(name) for name, _ in found)),
            tuple((place, convert) for place, (_, convert) in enumerate(found) if convert is not None),
        )
        self._compiled[dialect.name] = made
        return made


def _taken(row: Sequence[Any], compiled: _Compiled) -> tuple[Any, ...]:
    """A row as the driver takes it."""
    values = [*compiled.ordered(row)]
    for place, convert in compiled.conversions:
        values[place] = convert(values[place])
    return tuple(values)


def raw(result: CursorResult[Any]) -> list[tuple[Any, ...]]:
    """The rows of a result as the driver gives them, unconverted."""
    rows: list[tuple[Any, ...]] = [] if result.cursor is None else result.cursor.fetchall()  # type: ignore[assignment]
    result.close()
    return rows


@lru_cache(maxsize=64)
def instants(dialect: Dialect) -> Convert:
    """What makes instants of raw values, as the tables' own type does."""
    convert: Convert = UTCDateTime().dialect_impl(dialect).result_processor(dialect, None)  # type: ignore[assignment]
    return lru_cache(_INSTANTS)(convert)


def _converter(type: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    convert = type.dialect_impl(dialect).bind_processor(dialect)
    if convert is not None and isinstance(type, UTCDateTime):
        return lru_cache(_INSTANTS)(convert)
    return convert
