"""Jinja with everything a message does not need taken away.

`grammar` refuses what is not allowed with a place and a hint; this is the second wall behind it.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from jinja2 import StrictUndefined, Undefined, UndefinedError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from nurture.rendering.problems import MissingValue

FILTERS: dict[str, tuple[int, int]] = {
    "capitalize": (0, 0),
    "default": (1, 1),
    "first": (0, 0),
    "join": (0, 1),
    "last": (0, 0),
    "length": (0, 0),
    "lower": (0, 0),
    "replace": (2, 2),
    "round": (0, 1),
    "title": (0, 0),
    "trim": (0, 0),
    "upper": (0, 0),
    "urlencode": (0, 0),
}
"""Filters by name: the fewest and the most arguments."""

TEST_ARGUMENTS: dict[str, int] = {"defined": 0, "undefined": 0, "none": 0, "equalto": 1, "in": 1}
"""Tests by name: how many arguments."""


class Absent(StrictUndefined):
    """A value that is not known. It may be asked for (`if`, `default`), never printed or compared."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Callable[[str], Exception] = UndefinedError,
    ) -> None:
        def refusal(_message: str) -> Exception:
            return MissingValue(str(name))

        super().__init__(hint, obj, name, refusal)  # type: ignore[arg-type]  # it is only ever called

    def __bool__(self) -> bool:  # type: ignore[override]  # asked for, it is simply not there
        return False


def as_written(value: Any) -> Any:
    """A value as a person writes it: dates in words, whole numbers without a point, lists with commas."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime):
        return f"{value.day} {value:%B %Y, %H:%M}"
    if isinstance(value, date):
        return f"{value.day} {value:%B %Y}"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(as_written(one)) for one in value)
    return value


def _is_none(value: Any) -> bool:
    return value is None or isinstance(value, Undefined)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Attributes are entries of plain dicts and the three of a loop; a method can never be reached."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict:
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if isinstance(obj, LoopContext):
            return super().getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        try:
            return obj[argument]
        except (AttributeError, TypeError, LookupError):
            return self.undefined(obj=obj, name=str(argument))


def environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    """A sandbox for HTML, where values are escaped, or for plain text, where they are not."""
    made = _Sandbox(
        autoescape=html, undefined=Absent, finalize=as_written, keep_trailing_newline=True, cache_size=0
    )
    made.globals = {}
    made.filters = {name: made.filters[name] for name in FILTERS}
    made.tests = {name: made.tests[name] for name in TEST_ARGUMENTS} | {"none": _is_none}
    return made


HTML = environment(html=True)
TEXT = environment(html=False)
