"""Conditions as they are written -> the core's conditions.

`name: value | [values] | {min, max, before, after, starts_with, has, known}`, `did` with `within` and
`times`, `gained` with `within`, `fit: {at_least}`, `all`, `any`, `not`. Several in one mapping: all of
them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, cast

from nurture.authoring import words
from nurture.authoring.names import Declared, Names, refer
from nurture.authoring.problems import Unreadable, kind_of, misfit, nearest, shown
from nurture.authoring.source import Path, Source
from nurture.core import conditions as core
from nurture.core.conditions import Condition, Day
from nurture.core.facts import Scalar

WORDS = ("all", "any", "not", "did", "within", "times", "gained", "fit")
"""Words that can therefore not be names of attributes."""

_TESTS = {
    "text": ("starts_with", "has", "known"),
    "number": ("min", "max", "known"),
    "flag": ("known",),
    "date": ("after", "before", "known"),
    "choice": ("starts_with", "known"),
    "list": ("has", "known"),
    "zone": ("starts_with", "known"),
    "country": ("known",),
}
_ALL_TESTS = ("min", "max", "before", "after", "starts_with", "has", "known")

_WANTED = {"number": "a number", "flag": "true or false"}

_NEVER = core.Some(())

T = TypeVar("T")


def read_condition(source: Source, path: Path, names: Names, *, about_fit: bool = True) -> Condition:
    """The condition at a path; what is wrong in it is noted in the source.

    `about_fit` is False where fit is not known yet, because the condition is a part of it.
    """
    return _Reader(source, names, about_fit).mapping(path, source.at(*path))


@dataclass(frozen=True, slots=True)
class _Reader:
    source: Source
    names: Names
    about_fit: bool

    def mapping(self, path: Path, written: Any) -> Condition:
        if not isinstance(written, dict):
            self.source.wrong(path, misfit(written, "a condition"), 'try "country: GB"')
            return _NEVER
        if "within" in written and not {"did", "gained"} & written.keys():
            self.source.wrong((*path, "within"), '"within" needs "did" or "gained" beside it', key=True)
        if "times" in written and "did" not in written:
            self.source.wrong((*path, "times"), '"times" needs "did" beside it', key=True)
        if "did" in written and "gained" in written:
            hint = "put each in its own item under all:"
            self.source.wrong((*path, "gained"), '"did" and "gained" in one mapping', hint, key=True)
        parts = [
            self._part((*path, key), key, value, written)
            for key, value in written.items()
            if key not in ("within", "times")
        ]
        return parts[0] if len(parts) == 1 else core.All(tuple(parts))

    def _part(self, path: Path, key: str, value: Any, around: Mapping[str, Any]) -> Condition:
        match key:
            case "all":
                return core.All(self._list(path, value))
            case "any":
                return core.Some(self._list(path, value))
            case "not":
                return core.Not(self.mapping(path, value))
            case "did":
                return self._did(path, value, around)
            case "gained":
                return self._gained(path, value, around)
            case "fit":
                return self._fit(path, value)
        return self._attribute(path, key, value)

    def _list(self, path: Path, value: Any) -> tuple[Condition, ...]:
        if not isinstance(value, list) or not value:
            self.source.wrong(path, "must be a list of conditions", 'write one a line, after "- "')
            return ()
        return tuple(self.mapping((*path, number), item) for number, item in enumerate(value))

    def _did(self, path: Path, value: Any, around: Mapping[str, Any]) -> Condition:
        signals = list(self.source.words(*path))
        if not signals or (isinstance(value, list) and len(signals) < len(value)):
            self.source.wrong(path, '"did" names signals', "for example did: [pricing, webinar]")
        for place, signal in signals:
            refer(self.source, place, "signal", signal, self.names.signals)
        times = around.get("times", 1)
        if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= 64:
            self.source.wrong((*path[:-1], "times"), f"{shown(times)} is not a count from 1 to 64", "try 2")
            times = 1
        within = self._within(path, around) if "within" in around else None
        return core.Did(tuple(signal for _, signal in signals), within, times)

    def _gained(self, path: Path, value: Any, around: Mapping[str, Any]) -> Condition:
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            self.source.wrong(path, f"{shown(value)} is not a number of points", "try 25")
            return _NEVER
        if "within" not in around:
            self.source.wrong(path, '"gained" does not say in what time', "add within: 7 days", key=True)
            return _NEVER
        within = self._within(path, around)
        return core.Gained(float(value), within) if within is not None else _NEVER

    def _within(self, path: Path, around: Mapping[str, Any]) -> timedelta | None:
        return self._read(words.some_duration, (*path[:-1], "within"), around["within"])

    def _fit(self, path: Path, value: Any) -> Condition:
        if not self.about_fit:
            self.source.wrong(path, "fit cannot be asked for here", "ask for attributes", key=True)
            return _NEVER
        grade = value.get("at_least") if isinstance(value, dict) else None
        if not isinstance(value, dict) or value.keys() != {"at_least"}:
            self.source.wrong(path, "fit needs a grade", "write fit: {at_least: C}")
            return _NEVER
        if grade not in core.GRADES:
            what = f"{shown(grade)} is not a grade"
            self.source.wrong((*path, "at_least"), what, "use " + ", ".join(reversed(core.GRADES)))
            return _NEVER
        return core.Graded(grade)

    def _attribute(self, path: Path, name: str, value: Any) -> Condition:
        known = self.names.attributes
        if known is not None and name not in known:
            undeclared = partial(_undeclared, name, [*known, *WORDS])
            self.source.wrong(path, f"there is no attribute {shown(name)}", undeclared, key=True)
            return _NEVER
        declared = (known or {}).get(name, Declared(""))
        if declared.personal:
            hint = "ask for something that is not personal, or set personal = false in nurture.toml"
            self.source.wrong(path, f"{shown(name)} is personal and can decide nothing", hint, key=True)
            return _NEVER
        if isinstance(value, dict):
            return self._tests(path, name, value, declared)
        values = value if isinstance(value, list) else [value]
        if not values:
            self.source.wrong(path, "the list is empty, so this never holds", "name at least one value")
        many = isinstance(value, list)
        read = [
            self._value((*path, number) if many else path, one, declared) for number, one in enumerate(values)
        ]
        return core.Where(name, one_of=tuple(read))

    def _tests(self, path: Path, name: str, tests: Mapping[str, Any], declared: Declared) -> Condition:
        allowed = _TESTS.get(declared.type, _ALL_TESTS)
        read: dict[str, Any] = {}
        for key, value in tests.items():
            place = (*path, key)
            if key not in _ALL_TESTS:
                hint = partial(nearest, key, allowed)
                self.source.wrong(place, f"unknown test {shown(key)}", hint, key=True)
            elif key not in allowed:
                what = f'"{key}" cannot be asked of {shown(name)}, which is a {declared.type}'
                self.source.wrong(place, what, "known: " + ", ".join(allowed), key=True)
            else:
                read[key] = self._test(place, key, value)
        if not tests:
            self.source.wrong(path, "no test is written", "known: " + ", ".join(allowed))
        self._fits_together(path, read)
        return core.Where(
            name,
            at_least=read.get("min"),
            at_most=read.get("max"),
            after=read.get("after"),
            before=read.get("before"),
            starts_with=read.get("starts_with"),
            has=read.get("has"),
            known=read.get("known"),
        )

    def _test(self, path: Path, key: str, value: Any) -> Any:
        match key:
            case "min" | "max":
                if isinstance(value, bool) or not isinstance(value, int | float):
                    self.source.wrong(path, misfit(value, "a number"), "try 50")
                    return None
                return float(value)
            case "after" | "before":
                return self._read(words.day, path, value)
            case "known":
                if not isinstance(value, bool):
                    self.source.wrong(path, misfit(value, "true or false"), "try true")
                    return None
                return value
        if not isinstance(value, str) or not value:
            self.source.wrong(path, misfit(value, "text"), "put it in quotes")
            return None
        return value

    def _fits_together(self, path: Path, read: Mapping[str, Any]) -> None:
        if "known" in read and len(read) > 1:
            hint = "remove it: the other tests hold only where there is a value"
            self.source.wrong((*path, "known"), '"known" stands alone', hint, key=True)
        low, high = read.get("min"), read.get("max")
        if low is not None and high is not None and low > high:
            self.source.wrong(
                (*path, "max"), f"the largest, {high:g}, is below the smallest, {low:g}", "swap them"
            )
        after, before = read.get("after"), read.get("before")
        if isinstance(after, Day) and isinstance(before, Day) and _never(after, before):
            self.source.wrong((*path, "before"), '"before" is not later than "after"', "swap them")

    def _value(self, path: Path, value: Any, declared: Declared) -> Scalar:
        """One value, of the attribute's type."""
        wanted = _WANTED.get(declared.type, "text")
        if declared.type and kind_of(value) != wanted:
            hint = "put it in quotes" if wanted == "text" and isinstance(value, int | float) else ""
            self.source.wrong(path, misfit(value, wanted), hint)
            return ""
        match declared.type:
            case "date":
                day = self._read(words.fixed_day, path, value)
                return day.isoformat() if day else ""
            case "country":
                return self._read(words.country, path, value) or ""
            case "choice" if declared.values and value not in declared.values:
                close = partial(nearest, value, declared.values)
                self.source.wrong(path, f"{shown(value)} is not among its values", close)
        return cast(Scalar, value)

    def _read(self, reader: Callable[[object], T], path: Path, value: Any) -> T | None:
        try:
            return reader(value)
        except Unreadable as wrong:
            self.source.wrong(path, wrong.what, wrong.hint)
            return None


def _undeclared(name: str, known: list[str]) -> str:
    close = nearest(name, known)
    return close if close.startswith("did") else f"declare it under [attributes] in nurture.toml; {close}"


def _never(after: Day, before: Day) -> bool:
    if after.on is not None and before.on is not None:
        return after.on >= before.on
    return after.on is None and before.on is None and after.ahead >= before.ahead
