"""How a map is written: a YAML file beside the list, read strictly and bound to the list's columns.

What is the same for every row is written as it is, what differs stands as `{column: Name}`;
`docs/import.md` shows one whole. Basis, source and date must be given: a list of which nobody can say why
its people may be written to is refused.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from nurture.authoring import Path, Problem, Shape, Source, decode, fitted, nearest, read_yaml, shown
from nurture.core.facts import FormSent, Happened, Observed
from nurture.core.permission import BASES
from nurture.core.programme import SOURCE_KINDS, Attribute, Programme
from nurture.intake.csv import bare
from nurture.intake.mapping import LONGEST_NAME, Holds, Map, Rule, Says
from nurture.intake.values import Habits, Unreadable, read_date, read_value


def _constant(value: object) -> object:
    return value if isinstance(value, dict) else {"constant": value}


def _column(value: object) -> object:
    return value if isinstance(value, dict) else {"column": value}


def _listed(value: object) -> object:
    return [value] if isinstance(value, dict) else value


def _cell(value: object) -> object:
    """YAML's numbers and truths as the cell they stand for."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, int | float) else value


Word = Annotated[str, Field(min_length=1, max_length=1000)]
Cell = Annotated[str, Field(max_length=1000), BeforeValidator(_cell)]


class FromColumn(Shape):
    """What a column says."""

    column: Word


class Saying(Shape):
    """The same for every row, or what a column says."""

    constant: Word | None = None
    column: Word | None = None


class When(Shape):
    """The rows in which a column holds one of these values."""

    column: Word
    when: list[Cell] = Field(min_length=1)


Said = Annotated[Saying, BeforeValidator(_constant)]
Whens = Annotated[list[When], BeforeValidator(_listed)]


class EventShape(Shape):
    """Something that happened, seen from a row: a form that was sent, or an event by name."""

    form: Word | None = None
    event: Word | None = None
    when: dict[Word, Cell] = Field(min_length=1)
    at: Said | None = None


class MapShape(Shape):
    """A whole map."""

    email: Annotated[FromColumn, BeforeValidator(_column)]
    source: Said
    kind: Said = Saying(constant="unknown")
    campaign: Said | None = None
    basis: Said
    date: Said
    given: Said | None = None
    account: Said | None = None
    zone: Said | None = None
    columns: dict[Word, Word] = Field(default={})
    values: dict[Word, dict[Word, Cell]] = Field(default={})
    blank: list[Cell] = Field(default=[])
    do_not_mail: Whens = Field(default=[])
    bounced: Whens = Field(default=[])
    events: list[EventShape] = Field(default=[])
    dates: Literal["day first", "month first"] | None = None
    decimal: Literal[".", ","] | None = None


def read_map(
    file: str, raw: bytes, header: tuple[str, ...], programme: Programme
) -> Map | tuple[Problem, ...]:
    """The map in a file, bound to a list's header; or every problem in it, sorted by place."""
    text = decode(file, raw)
    if isinstance(text, Problem):
        return (text,)
    source = read_yaml(file, text)
    shape = fitted(source, MapShape)
    if shape is None or source.problems:
        return tuple(sorted(source.problems))
    map = _Binding(source, shape, header, programme).map()
    return tuple(sorted(source.problems)) if source.problems else map


class _Binding:
    """Finds columns and attributes by name; what cannot be found is noted in the source."""

    def __init__(
        self, source: Source, shape: MapShape, header: tuple[str, ...], programme: Programme
    ) -> None:
        self.source = source
        self.shape = shape
        self.header = header
        self.programme = programme
        self.used: set[int] = set()

    def map(self) -> Map:
        shape = self.shape
        return Map(
            header=self.header,
            email=self._column(("email",), shape.email.column),
            source=self._says("source", shape.source),
            kind=self._known(self._says("kind", shape.kind), SOURCE_KINDS),
            campaign=self._says("campaign", shape.campaign),
            basis=self._known(self._says("basis", shape.basis), BASES),
            date=self._day(self._says("date", shape.date), ("date",)),
            given=self._day(self._says("given", shape.given), ("given",)) if shape.given else None,
            account=self._says("account", shape.account),
            zone=self._zone(),
            attributes=self._attributes(),
            do_not_mail=self._tests("do_not_mail", shape.do_not_mail),
            bounced=self._tests("bounced", shape.bounced),
            events=tuple(self._event(number, event) for number, event in enumerate(shape.events)),
            habits=Habits(shape.dates or "", shape.decimal or ""),
            blank=frozenset(bare(value).casefold() for value in shape.blank),
            translations=self._translations(),
        )

    def _column(self, path: Path, name: str, *, key: bool = False) -> int:
        """The column's number; 0 and a problem where there is no such column, or two of them."""
        places = [number for number, other in enumerate(self.header) if other == name.strip()]
        if not places:
            known = [other for other in self.header if other]
            self.source.wrong(path, f"the list has no column {shown(name)}", nearest(name, known), key=key)
            return 0
        if len(places) > 1:
            what = f"the list has {len(places)} columns {shown(name)}"
            self.source.wrong(path, what, "rename one of them in its first row", key=key)
        self.used.add(places[0])
        return places[0]

    def _says(self, name: str, said: Saying | None, path: Path = ()) -> Says:
        path = path or (name,)
        if said is None:
            return Says(name)
        if said.column is not None:
            return Says(name, column=self._column((*path, "column"), said.column))
        if said.constant is None or len(said.constant) > LONGEST_NAME:
            self.source.wrong(path, "says nothing usable", "write a short text or {column: Name}")
        return Says(name, said.constant or "")

    def _known(self, says: Says, known: tuple[str, ...]) -> Says:
        if says.column is None and says.constant not in known:
            self.source.wrong(
                (says.name,), f"{shown(says.constant)} is no {says.name}", nearest(says.constant, known)
            )
        return says

    def _day(self, says: Says, path: Path) -> Says:
        if says.column is None:
            try:
                read_date(says.constant, Habits(self.shape.dates or ""))
            except Unreadable as wrong:
                self.source.wrong(path, str(wrong))
        return says

    def _zone(self) -> tuple[Says, Attribute] | None:
        if self.shape.zone is None:
            return None
        says = self._says("zone", self.shape.zone)
        attribute = next((one for one in self.programme.attributes.values() if one.type == "zone"), None)
        if attribute is None:
            self.source.wrong(
                ("zone",), "no attribute holds a zone", 'declare zone = {type = "zone"} in nurture.toml'
            )
            return None
        if attribute.name in self.shape.columns.values():
            self.source.wrong(
                ("zone",), f"{attribute.name} is filled by a column already", "keep one of them"
            )
        if says.column is None:
            try:
                read_value(says.constant, attribute, Habits())
            except Unreadable as wrong:
                self.source.wrong(("zone",), str(wrong))
        return says, attribute

    def _attributes(self) -> tuple[tuple[int, Attribute], ...]:
        found: dict[str, tuple[int, Attribute]] = {}
        for name, wanted in self.shape.columns.items():
            path = ("columns", name)
            column = self._column(path, name, key=True)
            attribute = self.programme.attributes.get(wanted)
            if attribute is None:
                hint = nearest(wanted, self.programme.attributes)
                self.source.wrong(path, f"nurture.toml declares no attribute {shown(wanted)}", hint)
            elif wanted in found:
                self.source.wrong(path, f"{wanted} is filled by two columns", "keep one of them")
            else:
                found[wanted] = column, attribute
        return tuple(found.values())

    def _tests(self, name: str, whens: list[When]) -> tuple[Holds, ...]:
        alone = isinstance(self.source.at(name), dict)
        paths: list[Path] = [(name,) if alone else (name, number) for number in range(len(whens))]
        return tuple(
            Holds(self._column((*path, "column"), when.column), _folded(when.when))
            for path, when in zip(paths, whens, strict=True)
        )

    def _event(self, number: int, event: EventShape) -> Rule:
        path: Path = ("events", number)
        name = event.form or event.event or ""
        if (event.form is None) == (event.event is None):
            self.source.wrong(path, "says not what happened", "name either a form or an event")
        if event.form is not None and event.form not in self._forms():
            hint = nearest(event.form, self._forms())
            self.source.wrong((*path, "form"), f"no form or signal is called {shown(event.form)}", hint)
        tests = tuple(
            Holds(self._column((*path, "when", column), column, key=True), _folded([value]))
            for column, value in event.when.items()
        )
        at = None
        if event.at is not None:
            at = self._day(self._says("at", event.at, (*path, "at")), (*path, "at"))
        body: Observed = FormSent(name) if event.form is not None else Happened(name)
        return Rule(f"{'form' if event.form is not None else 'event'} {name}", body, tests, at)

    def _forms(self) -> set[str]:
        signals = {one.equals for one in self.programme.signals if one.kind == "form" and one.equals}
        return signals | set(self.programme.forms)

    def _translations(self) -> dict[int, dict[str, str]]:
        """Asked last, when `used` is whole: a translation of a column that nothing reads is a slip."""
        tables: dict[int, dict[str, str]] = {}
        for name, table in self.shape.values.items():
            path = ("values", name)
            read = set(self.used)
            column = self._column(path, name, key=True)
            if name.strip() in self.header and column not in read:
                self.source.wrong(path, "this map does not use the column", "name it under columns", key=True)
            tables[column] = {bare(value).casefold(): meaning.strip() for value, meaning in table.items()}
        return tables


def _folded(values: Iterable[str]) -> frozenset[str]:
    return frozenset(bare(value).casefold() for value in values)
