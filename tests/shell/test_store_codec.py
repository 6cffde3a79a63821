"""Whatever the core can say comes back from the store equal to what went in."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.core.answers import FOREVER, Reason
from nurture.core.evidence import Evidence, Grain, Known, Reservoir
from nurture.core.facts import KINDS, Body, Learned, Preferred, Scalar
from nurture.core.journey import Journey, Refusal, Touch
from nurture.core.permission import Permission, Quiet, Soft
from nurture.drafting import codec

words = st.text(max_size=8)
numbers = st.integers(0, 2**62)
floats = st.floats(allow_nan=False)
instants = st.one_of(
    st.just(FOREVER),
    st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59), timezones=st.just(UTC)),
)
scalars = st.one_of(words, floats, st.booleans(), st.lists(words, max_size=3).map(tuple))
figures = st.dictionaries(words, st.one_of(scalars, st.none(), st.integers(-99, 99), instants), max_size=4)
reasons = st.builds(Reason, words, figures)

grains = st.builds(Grain, instants, numbers, floats, floats)
many_grains = st.lists(grains, max_size=3).map(tuple)
reservoirs = st.builds(Reservoir, floats, instants, many_grains)


def named(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(words, values, max_size=2)


def several(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=3).map(tuple)


STRATEGIES: dict[Any, st.SearchStrategy[Any]] = {
    str: words,
    int: numbers,
    bool: st.booleans(),
    datetime: instants,
    str | None: st.none() | words,
    datetime | None: st.none() | instants,
    tuple[str, ...]: several(words),
    tuple[int, ...]: several(numbers),
    tuple[datetime, ...]: several(instants),
    tuple[tuple[int, str], ...]: several(st.tuples(numbers, words)),
    tuple[tuple[int, datetime], ...]: several(st.tuples(numbers, instants)),
    tuple[Reason, ...]: several(reasons),
    tuple[tuple[str, Reason], ...]: several(st.tuples(words, reasons)),
    Mapping[str, Scalar]: named(scalars),
    Mapping[str, Scalar | None]: named(st.none() | scalars),
    Mapping[str, int]: named(numbers),
    Mapping[str, datetime]: named(instants),
    Mapping[str, Reservoir]: named(reservoirs),
    Mapping[str, tuple[Grain, ...]]: named(many_grains),
    tuple[Grain, ...]: many_grains,
    Mapping[str, Known]: named(st.builds(Known, st.none() | scalars, instants, numbers)),
}
"""By the declared type of a field, so a new field is tried, or its type is missing here."""


def filled(kind: Any) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: STRATEGIES[hint] for name, hint in get_type_hints(kind).items()})


STRATEGIES[tuple[Quiet, ...]] = several(filled(Quiet))
STRATEGIES[tuple[Soft, ...]] = several(filled(Soft))
STRATEGIES[Permission] = filled(Permission)
STRATEGIES[Preferred | None] = st.none() | filled(Preferred)
STRATEGIES[Refusal | None] = st.none() | filled(Refusal)
STRATEGIES[Touch | None] = st.none() | filled(Touch)
STRATEGIES[tuple[Touch, ...]] = st.lists(filled(Touch), max_size=3).map(tuple)
STRATEGIES[Evidence] = filled(Evidence)

quick = settings(max_examples=40, deadline=None)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_body_comes_back_equal(kind: type) -> None:
    @quick
    @given(filled(kind))
    def comes_back(body: Body) -> None:
        back = codec.decode_body(*codec.encode_body(body))
        assert back == body
        assert type(back) is type(body)

    comes_back()


@quick
@given(filled(Journey))
def test_every_journey_comes_back_equal(journey: Journey) -> None:
    snapshot = codec.encode_journey(journey)
    assert codec.decode_journey(snapshot) == journey
    assert codec.decode_attributes(snapshot) == journey.evidence.attributes


def test_lists_among_figures_are_tuples_again() -> None:
    kind = KINDS["Moved"]
    body = kind(1, "early", "mid", (Reason("is", {"value": ("a", "b"), "at": FOREVER}),))
    back: Any = codec.decode_body(*codec.encode_body(body))
    assert back.because[0].figures == {"value": ("a", "b"), "at": FOREVER}
    assert back.because[0].figures["at"].utcoffset() == timedelta(0)


def test_nothing_else_is_read() -> None:
    good = codec.encode_body(Learned({"role": "vp"}))[1]
    for kind, data in [("Guessed", good), ("Learned", good[:-1]), ("Learned", b""), ("Entered", good)]:
        with pytest.raises(codec.Unreadable, match=kind):
            codec.decode_body(kind, data)
    for decode in (codec.decode_journey, codec.decode_attributes):
        for data in (good, b"", codec.encode_journey(Journey(7))[:-1]):
            with pytest.raises(codec.Unreadable, match="snapshot"):
                decode(data)


def test_all_kinds_are_covered() -> None:
    assert set(KINDS.values()) == set(get_args(Body))
