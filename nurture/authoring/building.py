"""From files in their shapes to the core's programme. Nothing can be wrong any more: all was checked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from nurture.authoring import words
from nurture.authoring.agreement_file import AgreementShape, build_agreement
from nurture.authoring.names import Names
from nurture.authoring.piece_file import FrontMatterShape, PieceFile, build_piece
from nurture.authoring.programme_file import ProgrammeShape
from nurture.authoring.sequence_file import SequenceShape, build_sequence
from nurture.authoring.source import Source
from nurture.authoring.workspace_file import WorkspaceShape
from nurture.core.programme import Calendar, Piece, Programme, Sequence
from nurture.rendering import Template

YEARS_OF_HOLIDAYS = 2
"""Public holidays are resolved for today's year and so many after it."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """Every file in its shape, with the sources that conditions are read from."""

    workspace: WorkspaceShape
    programme: ProgrammeShape
    agreement: tuple[Source, AgreementShape]
    sequences: list[tuple[Source, SequenceShape]]
    pieces: list[tuple[PieceFile, FrontMatterShape]]
    layouts: Mapping[str, str]
    templates: Mapping[str, Template]


def build_programme(hash: str, shapes: Shapes, names: Names, today: date) -> Programme:
    """The core's programme; `today` decides for which years public holidays are resolved."""
    workspace, programme = shapes.workspace, shapes.programme
    pieces = _pieces(shapes, names)
    sequences = _sequences(shapes, names, pieces)
    agreement = build_agreement(*shapes.agreement, names)
    calendar = programme.calendar.build()
    own = (sequence.calendar for sequence in sequences if sequence.calendar)
    return Programme(
        hash=hash,
        sender=workspace.build_sender(),
        site=workspace.build_site(),
        sales=tuple(workspace.sales.to),
        attributes=workspace.build_attributes(),
        forms=workspace.build_forms(),
        signals=tuple(signal.build(name) for name, signal in programme.signals.items()),
        stages=programme.stages.build(),
        topics=programme.topics.build(),
        pace=programme.pace.build(),
        calendar=calendar,
        zone=workspace.sender.zone,
        pieces=pieces,
        sequences=sequences,
        agreement=agreement,
        holidays=_holidays((calendar, agreement.clock.hours, *own), today),
    )


def _pieces(shapes: Shapes, names: Names) -> dict[str, Piece]:
    hosts = shapes.workspace.build_site().hosts
    return {
        file.id: build_piece(
            file,
            shape=front,
            names=names,
            hosts=hosts,
            layout=shapes.layouts.get(front.layout, ""),
            uses=shapes.templates[file.id].uses,
        )
        for file, front in shapes.pieces
    }


def _sequences(shapes: Shapes, names: Names, pieces: Mapping[str, Piece]) -> tuple[Sequence, ...]:
    """By priority, the highest first; equal ones by id."""
    pace = shapes.programme.pace.build()
    made = [build_sequence(source, shape, names, pieces, pace) for source, shape in shapes.sequences]
    return tuple(sorted(made, key=lambda sequence: (-sequence.priority, sequence.id)))


def _holidays(calendars: Iterable[Calendar], today: date) -> dict[str, frozenset[date]]:
    """Public holidays of the countries that calendars name."""
    countries = sorted({country for calendar in calendars for country in calendar.countries})
    return {
        country: words.public_holidays(country, today.year, today.year + YEARS_OF_HOLIDAYS)
        for country in countries
    }
