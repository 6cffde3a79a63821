"""What a map means for a row: which column is which attribute, and on which ground we may write.

`Map.hear` reads the cells of one row, and either says what was heard or names every column that cannot be
read. How a map is written stands in `mapfile.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from nurture.core.facts import Entered, Observed, Scalar
from nurture.core.permission import BASES
from nurture.core.programme import SOURCE_KINDS, Attribute
from nurture.intake.addresses import NoAddress, normalise
from nurture.intake.csv import bare
from nurture.intake.values import NO, YES, Habits, Unreadable, read_date, read_value
from nurture.store import Listed, ListedEvent, entered_on

LONGEST_NAME = 200
"""Characters of a source, a campaign or an account."""

_FIRST_DATE = date(1970, 1, 1)


class Refusal(NamedTuple):
    """Why a row does not go in: the columns at fault, and a reason for each.

    A wish not to be mailed is heard all the same, where its address can be read.
    """

    column: str
    reason: str
    address: str
    silence: str


class Says(NamedTuple):
    """A constant, or the number of a column (from 0)."""

    name: str
    constant: str = ""
    column: int | None = None


class Holds(NamedTuple):
    """Whether a column (from 0) holds one of some values; capitals do not matter."""

    column: int
    values: frozenset[str]


class Rule(NamedTuple):
    """What has happened, where all of `when` hold; `at` None: when we heard of it."""

    key: str
    body: Observed
    when: tuple[Holds, ...]
    at: Says | None


@dataclass(frozen=True)
class Map:
    """A map bound to the header of one list and to the declared attributes."""

    header: tuple[str, ...]
    email: int
    source: Says
    kind: Says
    campaign: Says
    basis: Says
    date: Says
    given: Says | None
    account: Says
    zone: tuple[Says, Attribute] | None
    attributes: tuple[tuple[int, Attribute], ...]
    translations: Mapping[int, Mapping[str, str]]
    blank: frozenset[str]
    do_not_mail: tuple[Holds, ...]
    bounced: tuple[Holds, ...]
    events: tuple[Rule, ...]
    habits: Habits

    def address(self, cells: list[str]) -> str:
        """The address in a row. Raises NoAddress."""
        return normalise(self._cell(cells, self.email))

    def hear(self, cells: list[str], now: datetime) -> Listed | Refusal:
        """What a row says, or every column of it that cannot be read. Never raises."""
        return _Hearing(self, cells, now).result()

    def _cell(self, cells: list[str], column: int) -> str:
        """The cell translated; blank where it means unknown."""
        text = bare(cells[column])
        if column in self.translations:
            text = self.translations[column].get(text.casefold(), text)
        return "" if text.casefold() in self.blank else text


class _Hearing:
    """Reads one row, and gathers what is wrong with it."""

    def __init__(self, map: Map, cells: list[str], now: datetime) -> None:
        self.map = map
        self.cells = cells
        self.now = now
        self.faults: dict[str, str] = {}

    def result(self) -> Listed | Refusal:
        address = self._address()
        entered, on = self._entered(), self._day(self.map.date)
        given = self._given()
        values, personal = self._values()
        silence = self._silence()
        events = tuple(self._events())
        account = self._name(self.map.account)
        if self.faults:
            return Refusal("; ".join(self.faults), "; ".join(self.faults.values()), address, silence)
        return Listed(address, account, entered, on, values, personal, events, silence, given)

    def _address(self) -> str:
        try:
            return self.map.address(self.cells)
        except NoAddress as wrong:
            self.faults[self.map.header[self.map.email]] = str(wrong)
            return ""

    def _entered(self) -> Entered:
        return Entered(
            self._name(self.map.source, needed=True),
            self._one_of(self.map.kind, SOURCE_KINDS),
            self._name(self.map.campaign),
            self._one_of(self.map.basis, BASES),
        )

    def _text(self, says: Says) -> str:
        return says.constant if says.column is None else self.map._cell(self.cells, says.column)

    def _fault(self, says: Says, reason: str) -> None:
        column = says.name if says.column is None else self.map.header[says.column]
        self.faults.setdefault(column, reason)

    def _name(self, says: Says, needed: bool = False) -> str:
        text = self._text(says)
        if needed and not text:
            self._fault(says, f"there is no {says.name}")
        if len(text) > LONGEST_NAME:
            self._fault(says, f"a {says.name} has at most {LONGEST_NAME} characters")
        return text

    def _one_of(self, says: Says, known: tuple[str, ...]) -> str:
        text = self._text(says)
        if text not in known:
            what = f"{text[:80]!r} is no {says.name}" if text else f"there is no {says.name}"
            self._fault(says, f"{what}: translate it under `values` to one of {', '.join(known)}")
        return text

    def _day(self, says: Says) -> date:
        text = self._text(says)
        try:
            if not text:
                raise Unreadable(f"there is no {says.name}")
            day = read_date(text, self.map.habits)
            if day > self.now.date() + timedelta(days=1):
                raise Unreadable(f"{text!r} is in the future")
            if day < _FIRST_DATE:
                raise Unreadable(f"{text!r} is before 1970")
        except Unreadable as wrong:
            self._fault(says, str(wrong))
            return _FIRST_DATE
        return day

    def _given(self) -> date | None:
        """The day of the basis; where its cell is blank, the day on which they came in stands for it."""
        says = self.map.given
        return self._day(says) if says is not None and self._text(says) else None

    def _values(self) -> tuple[dict[str, Scalar], dict[str, Scalar]]:
        values: dict[str, Scalar] = {}
        personal: dict[str, Scalar] = {}
        for column, attribute in self.map.attributes:
            says = Says(attribute.name, column=column)
            self._learn(says, attribute, personal if attribute.personal else values)
        if self.map.zone is not None:
            says, attribute = self.map.zone
            self._learn(says, attribute, personal if attribute.personal else values)
        return values, personal

    def _learn(self, says: Says, attribute: Attribute, values: dict[str, Scalar]) -> None:
        text = self._text(says)
        if text:
            try:
                values[attribute.name] = read_value(text, attribute, self.map.habits)
            except Unreadable as wrong:
                self._fault(says, str(wrong))

    def _silence(self) -> str:
        if self._any(self.map.bounced):
            return "bounced"
        if self._any(self.map.do_not_mail):
            return "unsubscribed"
        for test in self.map.do_not_mail:
            if self._raw(test.column) in YES and test.values.isdisjoint(NO):
                reason = f"{self.cells[test.column]!r} may ask not to be mailed: list it under `when`, or not"
                self.faults.setdefault(self.map.header[test.column], reason)
        return ""

    def _events(self) -> Iterator[ListedEvent]:
        for event in self.map.events:
            if all(self._raw(test.column) in test.values for test in event.when):
                at = None if event.at is None else entered_on(self._day(event.at), self.now)
                yield ListedEvent(event.key, event.body, at)

    def _any(self, tests: tuple[Holds, ...]) -> bool:
        return any(self._raw(test.column) in test.values for test in tests)

    def _raw(self, column: int) -> str:
        return bare(self.cells[column]).casefold()
