"""sequences/*.yaml: what we say, in what order, to whom, and what comes when it is all said."""

from collections.abc import Mapping
from collections.abc import Sequence as Listed
from datetime import timedelta
from functools import partial

from pydantic import Field

from nurture.authoring import words
from nurture.authoring.conditions import read_condition
from nurture.authoring.names import Names, refer
from nurture.authoring.problems import Unreadable, nearest, shown
from nurture.authoring.programme_file import check_caps
from nurture.authoring.shapes import (
    Again,
    CalendarShape,
    ConditionShape,
    Duration,
    Id,
    Limit,
    Shape,
    SomeTime,
    Text,
    caps,
)
from nurture.authoring.source import Source
from nurture.core.programme import Ending, Pace, Piece, Sequence

FOLDER = "sequences/"
ENDINGS = ("rest", "close")


class EndingShape(Shape):
    """When nothing is left to say for `wait`."""

    wait: Duration = Field(description="Since the last message or sign of life, whichever is later")
    then: Text = Field(description="rest, close, or the id of a sequence that follows")
    for_: SomeTime | None = Field(
        default=None, alias="for", description="How long to rest; 90 days if not said"
    )


class SlowerShape(Shape):
    """A slower pace than programme.yaml's; what is not written stays as it is there."""

    gap: Duration | None = Field(default=None, description="Between two messages")
    at_most: list[Limit] = Field(default=[], max_length=9, description="Limits in a rolling time")
    cool_down: Duration | None = Field(default=None, description="Silence after somebody did something")


class SequenceShape(Shape):
    """A sequence: what we say, in what order, to whom."""

    sequence: Id = Field(description="Its id")
    priority: int = Field(ge=-1000, le=1000, description="The highest speaks first")
    audience: ConditionShape = Field(description="Who is taken in; {} is everyone")
    again: Again = Field(
        default=None, description="May somebody come in a second time: never, or after 180 days"
    )
    leave_when: ConditionShape | None = Field(default=None, description="Who leaves at once")
    say: list[Text] = Field(min_length=1, description="Ids of pieces, or topics, in order")
    when_nothing_is_left: EndingShape
    calendar: CalendarShape | None = Field(default=None, description="Its own calendar")
    slower: SlowerShape | None = Field(default=None, description="Its own, slower pace")


def build_sequence(
    source: Source, shape: SequenceShape, names: Names, pieces: Mapping[str, Piece], pace: Pace
) -> Sequence:
    """The core's sequence. `pace` is the programme's, which `slower` starts from."""
    ending = shape.when_nothing_is_left
    return Sequence(
        id=shape.sequence,
        priority=shape.priority,
        audience=read_condition(source, ("audience",), names),
        say=said(shape.say, {piece.id: piece.topics for piece in pieces.values()}),
        ending=Ending(ending.wait, ending.then, ending.for_ or timedelta(days=90)),
        again=shape.again,
        leave_when=read_condition(source, ("leave_when",), names) if shape.leave_when is not None else None,
        calendar=shape.calendar.build() if shape.calendar else None,
        pace=_slower(shape.slower, pace) if shape.slower else None,
    )


def said(say: Listed[str], topics: Mapping[str, Listed[str]]) -> tuple[str, ...]:
    """Ids in order; a topic stands for its pieces, in the order of their files, that are not said before.

    A piece that is named outright keeps its own place.
    """
    named = {word for word in say if word in topics}
    ids: list[str] = []
    for word in say:
        about = (
            [word]
            if word in topics
            else [id for id, its in topics.items() if word in its and id not in named]
        )
        ids += [id for id in about if id not in ids]
    return tuple(ids)


def check_sequence(source: Source, names: Names, programme: Source) -> None:
    """What must fit together: pieces, topics, conditions, what follows, and that slower is slower."""
    for name in ("audience", "leave_when"):
        if isinstance(source.at(name), dict):
            read_condition(source, (name,), names)
    seen: set[str] = set()
    for path, word in source.words("say"):
        if names.topics is not None and word not in (*names.pieces, *names.topics):
            hint = partial(nearest, word, [*names.pieces, *names.topics])
            source.wrong(path, f"there is no piece or topic {shown(word)}", hint)
        elif word in seen:
            source.wrong(path, f"{shown(word)} is said twice", "keep one")
        seen.add(word)
    _check_ending(source, names)
    check_caps(source, ("slower", "at_most"))
    for name in ("gap", "cool_down"):
        theirs, ours = _time(source, "slower", name), _time(programme, "pace", name)
        if theirs is not None and ours is not None and theirs < ours:
            usual = programme.at("pace", name)
            what = f"{shown(source.at('slower', name))} is quicker than {usual} in programme.yaml"
            source.wrong(("slower", name), what, "a sequence may only be slower")


def _check_ending(source: Source, names: Names) -> None:
    then = source.at("when_nothing_is_left", "then")
    path = ("when_nothing_is_left", "then")
    if source.at("sequence") in ENDINGS:
        source.wrong(
            ("sequence",), f"{shown(source.at('sequence'))} is taken by when_nothing_is_left", "rename it"
        )
    if isinstance(then, str):
        refer(source, path, "sequence", then, [*ENDINGS, *names.sequences])
    if isinstance(then, str) and then == source.at("sequence"):
        source.wrong(
            path, "a sequence cannot follow itself", 'use "again" to let somebody come in a second time'
        )
    if then != "rest" and source.at("when_nothing_is_left", "for") is not None:
        source.wrong(
            ("when_nothing_is_left", "for"), '"for" is how long to rest', "remove it, or then: rest", key=True
        )


def _slower(written: SlowerShape, pace: Pace) -> Pace:
    return Pace(
        gap=pace.gap if written.gap is None else written.gap,
        caps=caps(written.at_most) or pace.caps,
        cool_down=pace.cool_down if written.cool_down is None else written.cool_down,
        expires_after=pace.expires_after,
    )


def _time(source: Source, *path: str) -> timedelta | None:
    try:
        return words.duration(source.at(*path))
    except Unreadable:
        return None
