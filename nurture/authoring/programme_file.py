"""programme.yaml: what holds for every sequence. Signals, stages, topics, pace and calendar."""

from datetime import timedelta
from typing import Any

from pydantic import ConfigDict, Field

from nurture.authoring.names import FIRST_STAGES, Names, refer
from nurture.authoring.problems import shown
from nurture.authoring.shapes import (
    CalendarShape,
    Duration,
    Id,
    Limit,
    Matcher,
    Positive,
    Shape,
    SomeTime,
    Text,
    caps,
)
from nurture.authoring.source import Path, Source
from nurture.core.evidence import Measure
from nurture.core.journey import REMEMBERED_SENDS
from nurture.core.programme import Pace, Signal, Stages, Topics

FILE = "programme.yaml"


class SignalShape(Shape):
    """One matcher: a page, a click, an event, a form, a piece that was read, or a reply."""

    page: Matcher | None = Field(default=None, description="A page of ours was read: the path")
    click: Matcher | None = Field(
        default=None, description="A link in a message was followed: any, or the path"
    )
    event: Text | None = Field(default=None, description="An event of the product or site, by its name")
    form: Text | None = Field(default=None, description="A form of nurture.toml was sent")
    consumed: Text | None = Field(default=None, description="A piece was read: any, a stage, or a piece's id")
    reply: Text | None = Field(default=None, description="A person answered: any")

    def build(self, name: str) -> Signal:
        """The core's signal."""
        for kind in ("page", "click"):
            match = getattr(self, kind)
            if match is not None:
                return Signal(name, kind, equals=match.is_, starts_with=match.starts_with)
        for kind in ("event", "form", "consumed", "reply"):
            text = getattr(self, kind)
            if text is not None:
                return Signal(name, kind, equals=None if text == "any" and kind != "event" else text)
        raise AssertionError(name)


class EvidenceShape(Shape):
    """How much a signal says about a stage; `consumed` is what a piece says about its own."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, dict[str, Positive]] = Field(init=False)

    consumed: Positive = Field(default=1.0, description="Units that reading a piece adds to its own stage")


class StagesShape(Shape):
    """The buyer's stages, and what opens and closes them."""

    order: list[Id] = Field(
        default=list(FIRST_STAGES), min_length=1, max_length=9, description="From first to last"
    )
    half_life: SomeTime = Field(description="Time in which evidence of a stage loses half its weight")
    enter: Positive = Field(description="Units of evidence that open a stage")
    exit: Positive = Field(description="Below this a stage is left, one step back")
    dwell: Duration = Field(description="A stage is not left sooner than this after it was entered")
    prior: dict[Text, Text] = Field(
        default={}, description="Source, or kind of source, to the stage it suggests"
    )
    evidence: EvidenceShape = Field(default_factory=EvidenceShape, description="Signal to stage to units")

    def build(self) -> Stages:
        """The core's stages."""
        return Stages(
            order=tuple(self.order),
            measure=Measure(self.half_life),
            enter=self.enter,
            exit=self.exit,
            dwell=self.dwell,
            consumed=self.evidence.consumed,
            evidence=dict(self.evidence.__pydantic_extra__ or {}),
            prior={source: stage for source, stage in self.prior.items() if source != "default"},
        )


class TopicsShape(Shape):
    """What somebody cares about."""

    half_life: SomeTime = Field(
        default=timedelta(days=30),
        json_schema_extra={"default": "30 days"},
        description="Time in which interest halves",
    )
    signals: dict[Text, list[Text]] = Field(default={}, description="Signal to topics")
    sources: dict[Text, list[Text]] = Field(default={}, description="Source to topics")

    def build(self) -> Topics:
        """The core's topics."""
        return Topics(
            measure=Measure(self.half_life),
            signals={name: tuple(topics) for name, topics in self.signals.items()},
            sources={name: tuple(topics) for name, topics in self.sources.items()},
        )


class PaceShape(Shape):
    """How often we write to one person, over all sequences."""

    gap: Duration = Field(description="Between two messages")
    at_most: list[Limit] = Field(min_length=1, max_length=9, description="Limits in a rolling time")
    cool_down: Duration = Field(description="Silence after somebody did something: let them read")
    expires_after: SomeTime = Field(
        default=timedelta(hours=72),
        json_schema_extra={"default": "72 hours"},
        description="A message not out by then is dropped",
    )

    def build(self) -> Pace:
        """The core's pace."""
        return Pace(self.gap, caps(self.at_most), self.cool_down, self.expires_after)


class ProgrammeShape(Shape):
    """programme.yaml: what holds for every sequence. Marketing owns it."""

    signals: dict[Id, SignalShape] = Field(description="What counts as what: one name, one matcher")
    stages: StagesShape
    topics: TopicsShape = Field(default_factory=TopicsShape)
    pace: PaceShape
    calendar: CalendarShape


def check_programme(source: Source, names: Names) -> None:
    """What must fit together: matchers, and the names of forms, stages, pieces, signals and topics."""
    for path, name, about in source.entries("signals"):
        if name == "consumed":
            source.wrong(path, '"consumed" is taken by stages.evidence', "choose another name", key=True)
        if isinstance(about, dict):
            _check_signal(source, path, about, names)
    _check_stages(source, names)
    for section in ("signals", "sources"):
        for path, name, _ in source.entries("topics", section):
            if section == "signals":
                refer(source, path, "signal", name, names.signals, key=True)
            for place, topic in source.words(*path):
                refer(source, place, "topic", topic, names.topics)
    check_caps(source, ("pace", "at_most"))


def check_caps(source: Source, path: Path) -> None:
    """A cap may count no more messages than are remembered of a person."""
    for place, limit in source.words(*path):
        most = limit.split(" ")[0]
        if most.isdecimal() and len(most) < 5 and int(most) > REMEMBERED_SENDS:
            what = f"{shown(limit)} counts more messages than are remembered of one person"
            source.wrong(place, what, f"count {REMEMBERED_SENDS} at most")


def _check_signal(source: Source, path: Path, about: dict[str, Any], names: Names) -> None:
    if len(about) != 1 and not about.keys() - SignalShape.model_fields.keys():
        source.wrong(path, "a signal has exactly one matcher", "for example {page: {starts_with: /pricing}}")
    for kind in ("page", "click"):
        match = about.get(kind)
        if isinstance(match, dict) and len(match) != 1:
            source.wrong((*path, kind), "needs starts_with or is", "for example {starts_with: /pricing}")
        for test in ("starts_with", "is") if isinstance(match, dict) else ():
            text = source.at(*path, kind, test)
            if isinstance(text, str) and not text.startswith(("/", "http://", "https://")):
                source.wrong(
                    (*path, kind, test),
                    f"{shown(text)} is neither a path nor an address",
                    f'try "/{text[:40]}"',
                )
    if isinstance(about.get("form"), str):
        refer(source, (*path, "form"), "form", about["form"], names.forms)
    if isinstance(about.get("consumed"), str) and about["consumed"] != "any":
        known = [*names.stages, *names.pieces, "any"]
        refer(source, (*path, "consumed"), "stage or piece", about["consumed"], known)
    if about.get("reply", "any") != "any":
        source.wrong((*path, "reply"), f"{shown(about['reply'])} is not known here", 'write "any"')


def _check_stages(source: Source, names: Names) -> None:
    enter, exit = source.at("stages", "enter"), source.at("stages", "exit")
    if isinstance(enter, int | float) and isinstance(exit, int | float) and exit >= enter:
        what = f"a stage opens at {enter:g} and would close below {exit:g}"
        source.wrong(("stages", "exit"), what, "let exit be smaller than enter")
    seen: set[str] = set()
    for path, stage in source.words("stages", "order"):
        if stage in seen:
            source.wrong(path, f"the stage {shown(stage)} stands twice", "keep one")
        if stage in ("layouts", "sales"):
            source.wrong(path, f"{shown(stage)} is a folder of templates already", "choose another name")
        seen.add(stage)
    for path, kind, stage in source.entries("stages", "prior"):
        known = isinstance(stage, str) and refer(source, path, "stage", stage, names.stages)
        if known and kind == "default" and stage != names.stages[0]:
            what = f"everyone begins at the first stage, {shown(names.stages[0])}"
            source.wrong(path, what, "name the sources that suggest another")
    for path, signal, weights in source.entries("stages", "evidence"):
        if signal == "consumed":
            continue
        refer(source, path, "signal", signal, names.signals, key=True)
        for place, stage, _ in source.entries(*path) if isinstance(weights, dict) else ():
            refer(source, place, "stage", stage, names.stages, key=True)
