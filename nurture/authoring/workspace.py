"""The authored files as one workspace: the programme, its compiled texts, and what is wrong with them.

Reading goes in four steps, so that everything wrong is told at once: every file becomes plain data with
places; the names declared in all of them are gathered; every file is put in its shape and what must fit
together is checked; only then, if nothing is wrong, the core's programme is built.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from nurture.authoring import agreement_file, piece_file, programme_file, sequence_file, workspace_file
from nurture.authoring.agreement_file import AgreementShape, check_agreement
from nurture.authoring.building import Shapes, build_programme
from nurture.authoring.files import LAYOUTS, MAIL, SALES, canonical, content_hash, readable
from nurture.authoring.fitting import fitted
from nurture.authoring.names import Names, gather, refer
from nurture.authoring.piece_file import FrontMatterShape, PieceFile, check_piece, check_together
from nurture.authoring.problems import Problem, errors, shown
from nurture.authoring.programme_file import ProgrammeShape, check_programme
from nurture.authoring.sequence_file import SequenceShape, check_sequence
from nurture.authoring.shapes import Shape
from nurture.authoring.source import Files, Places, Source
from nurture.authoring.texts import check_names, compile_notes, compile_text, ours
from nurture.authoring.toml import read_toml
from nurture.authoring.workspace_file import WorkspaceShape, check_workspace
from nurture.authoring.yaml import read_yaml
from nurture.core.programme import Programme, Sender, Site
from nurture.rendering import (
    PacketTemplate,
    Template,
    TemplateProblems,
    compile_confirmation,
    compile_packet,
    split,
)

S = TypeVar("S", bound=Shape)

_SOMEBODY = Sender("Somebody", "somebody@example.com", "Company", "Street 1")
_SOMEWHERE = Site("https://www.example.com")


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything that was authored, ready to run.

    `templates` are the compiled texts of pieces by id, `packets` those of notes to sales by file stem,
    `mails` those of mail to prospects that is no piece (`confirm`).
    `files` is the canonical text from which `load` makes this very workspace again; `hash` is its content
    hash, which facts name.
    """

    programme: Programme
    templates: Mapping[str, Template]
    packets: Mapping[str, PacketTemplate]
    files: Mapping[str, str]
    hash: str
    mails: Mapping[str, PacketTemplate] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of reading: a workspace (None if there is an error), and all problems, sorted by place."""

    workspace: Workspace | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> list[Problem]:
        """The problems that keep the files from running; the others are warnings."""
        return errors(self.problems)


def load(files: Files, *, today: date) -> Loaded:
    """The workspace that these files make, or every problem in them at once. Never raises on bad input.

    `today` decides which years' public holidays are resolved and whether a review is overdue; it changes
    neither the text nor the hash.
    """
    reading = _Reading(files, today)
    workspace = reading.workspace()
    return Loaded(workspace, tuple(sorted(set(reading.problems))))


class _Reading:
    """One pass over the files of a workspace."""

    def __init__(self, files: Files, today: date) -> None:
        self.problems: list[Problem] = []
        self.today = today
        self.texts = readable(files, self.problems)
        self.given = set(files)
        self.toml = self._single(workspace_file.FILE)
        self.programme = self._single(programme_file.FILE)
        self.agreement = self._single(agreement_file.FILE)
        self.sequences = [
            self._yaml(file, text)
            for file, text in self.texts.items()
            if file.startswith(sequence_file.FOLDER)
        ]
        self.layouts = {
            file.removeprefix(LAYOUTS).removesuffix(".html"): text
            for file, text in self.texts.items()
            if file.startswith(LAYOUTS)
        }
        written = {file: text for file, text in self.texts.items() if _is_piece(file)}
        self.ids = {id: stage for stage, id in map(piece_file.stage_and_id, written)}
        self.pieces = [piece for file, text in written.items() if (piece := self._piece(file, text))]
        self.are_all_read = len(self.pieces) == len(written) and all(
            isinstance(piece.source.data, dict) for piece in self.pieces
        )
        self.names = self._names()
        order = {stage: number for number, stage in enumerate(self.names.stages)}
        self.pieces.sort(key=lambda piece: (order.get(piece.stage, len(order)), piece.file))

    def workspace(self) -> Workspace | None:
        """The workspace, if nothing is wrong."""
        toml = self._fitted(self.toml, WorkspaceShape)
        programme = self._fitted(self.programme, ProgrammeShape)
        agreement = self._fitted(self.agreement, AgreementShape)
        sequences = [(source, fitted(source, SequenceShape)) for source in self.sequences]
        pieces = [(piece, self._front(piece)) for piece in self.pieces]
        self._check()
        sender, site = (toml.build_sender(), toml.build_site()) if toml else (_SOMEBODY, _SOMEWHERE)
        templates = self._templates(sender, site)
        packets = compile_notes(self.texts, SALES, compile_packet, self.problems)
        mails = compile_notes(self.texts, MAIL, compile_confirmation, self.problems)
        if errors(self.problems) or toml is None or programme is None or agreement is None:
            return None
        shapes = Shapes(
            workspace=toml,
            programme=programme,
            agreement=(self.agreement, agreement),
            sequences=[(source, shape) for source, shape in sequences if shape],
            pieces=[(piece, front) for piece, front in pieces if front],
            layouts=self.layouts,
            templates=templates,
        )
        kept = canonical(self.texts, self.toml.data)
        hash = content_hash(kept)
        return Workspace(
            build_programme(hash, shapes, self.names, self.today), templates, packets, kept, hash, mails
        )

    def _check(self) -> None:
        """What must fit together."""
        check_workspace(self.toml, self.names)
        check_programme(self.programme, self.names)
        check_agreement(self.agreement, self.names, self.programme, self.today)
        taken: dict[str, str] = {}
        for source in self.sequences:
            check_sequence(source, self.names, self.programme)
            id = source.at("sequence")
            if isinstance(id, str) and taken.setdefault(id, source.file) != source.file:
                source.wrong(("sequence",), f"the id {shown(id)} is that of {taken[id]}", "choose another")
        if not any(file.startswith(f"{SALES}packet.") for file in self.given):
            hint = "write packet.html and packet.txt; nurture init FOLDER shows them"
            self.problems.append(Problem(f"{SALES}packet.html", 1, 1, "", "there is no note to sales", hint))
        asks = any(self.toml.at(*path, "consent") for path, _, _ in self.toml.entries("forms"))
        if asks and not any(file.startswith(f"{MAIL}confirm.") for file in self.given):
            what = "there is no mail that asks whether a consent was theirs, and a form takes consents"
            hint = "write confirm.html and confirm.txt; nurture init FOLDER shows them"
            self.problems.append(Problem(f"{MAIL}confirm.html", 1, 1, "", what, hint))
        if not self.sequences:
            self.problems.append(
                Problem("sequences", 1, 1, "", "there is no sequence", "write sequences/NAME.yaml")
            )
        for piece in self.pieces:
            known = [*self.names.stages, "layouts", "sales", "mail"]
            refer(piece.source, (), "stage", piece.stage, known)
            check_piece(piece.source, self.names, frozenset(self.layouts), self.today)
        check_together(self.pieces, self._said(), self._hosts())

    def _templates(self, sender: Sender, site: Site) -> dict[str, Template]:
        found: dict[str, Template] = {}
        for piece in self.pieces:
            template = compile_text(piece, self.layouts, sender, site, self.problems)
            if template is not None:
                self.problems += check_names(template, self.names)
                self.problems += ours(template.warnings, warning=True)
                found[piece.id] = template
        return found

    def _fitted(self, source: Source, shape: type[S]) -> S | None:
        """A file in its shape; one that is missing or unreadable has been told already."""
        return fitted(source, shape) if source.file in self.texts else None

    def _front(self, piece: PieceFile) -> FrontMatterShape | None:
        return fitted(piece.source, FrontMatterShape) if piece.parts.front_text.strip() else None

    def _single(self, file: str) -> Source:
        text = self.texts.get(file)
        if text is None:
            if file not in self.given:
                hint = "nurture init FOLDER shows what one looks like"
                self.problems.append(Problem(file, 1, 1, "", "there is no such file", hint))
            return Source(file, None, Places(), self.problems)
        if file.endswith(".toml"):
            return self._ours(read_toml(file, text))
        return self._yaml(file, text)

    def _yaml(self, file: str, text: str, *, first_line: int = 1) -> Source:
        return self._ours(read_yaml(file, text, first_line=first_line))

    def _ours(self, source: Source) -> Source:
        """The same file, its problems among all others."""
        self.problems += source.problems
        return Source(source.file, source.data, source.places, self.problems)

    def _piece(self, file: str, text: str) -> PieceFile | None:
        try:
            parts = split(file, text)
        except TemplateProblems as wrong:
            self.problems += ours(wrong.problems)
            return None
        stage, id = piece_file.stage_and_id(file)
        source = self._yaml(file, parts.front_text, first_line=parts.front_line)
        if not parts.front_text.strip():
            hint = "begin with a line of three dashes, then title: and subject:, then three dashes again"
            source.wrong((), "has no front matter", hint)
        return PieceFile(id, stage, source, text, parts)

    def _names(self) -> Names:
        return gather(
            self.toml,
            self.programme,
            self.ids,
            (word for piece in self.pieces for _, word in piece.source.words("topics"))
            if self.are_all_read
            else None,
            (id for source in self.sequences if isinstance(id := source.at("sequence"), str)),
        )

    def _said(self) -> frozenset[str] | None:
        if any(source.at("say") is None for source in self.sequences):
            return None
        return frozenset(word for source in self.sequences for _, word in source.words("say"))

    def _hosts(self) -> tuple[str, ...]:
        return tuple(word for _, word in self.toml.words("site", "hosts"))


def _is_piece(file: str) -> bool:
    return file.startswith(piece_file.FOLDER) and not file.startswith((LAYOUTS, SALES, MAIL))
