"""The authored files as one workspace: the programme, its compiled texts, and what is wrong with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from nurture.authoring.problems import Problem, errors
from nurture.authoring.source import Files
from nurture.core.programme import Programme


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything that was authored, ready to run.

    `templates` and `packets` are the compiled texts: of pieces by id, of notes to sales by file stem.
    `files` is the canonical text from which `load` makes this very workspace again; `hash` is its content
    hash, which facts name.
    """

    programme: Programme
    templates: Mapping[str, Any]
    packets: Mapping[str, Any]
    files: Mapping[str, str]
    hash: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of reading: a workspace (None if there is an error), and all problems, sorted by place."""

    workspace: Workspace | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> list[Problem]:
        """The problems that keep the files from running; the others are warnings."""
        return errors(self.problems)


def read_files(folder: Path) -> dict[str, bytes]:
    """The authored files of a workspace, by path relative to it. Stories and secrets are not among them."""
    raise NotImplementedError


def load(files: Files, *, today: date) -> Loaded:
    """The workspace that these files make, or every problem in them at once. Never raises on bad input."""
    raise NotImplementedError
