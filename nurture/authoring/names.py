"""What is declared in a workspace, gathered before anything is checked, so that every file can be."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from nurture.authoring.problems import nearest, shown
from nurture.authoring.source import Path, Source
from nurture.core.programme import SOURCE_KINDS

FIRST_STAGES = ("early", "mid", "late")


class Declared(NamedTuple):
    """An attribute that may be asked about: its type (empty if unreadable), its values if it is a choice."""

    type: str
    personal: bool = False
    values: tuple[str, ...] = ()


TYPES = ("text", "number", "flag", "date", "choice", "list", "zone", "country")
"""What an attribute's value may be."""

BUILT_IN = {
    "source": Declared("text"),
    "source_kind": Declared("choice", values=SOURCE_KINDS),
    "campaign": Declared("text"),
}


@dataclass(frozen=True, slots=True)
class Names:
    """Everything that can be referred to. None: its file could not be read, so nothing is known of it."""

    attributes: Mapping[str, Declared] | None
    forms: Collection[str] | None
    signals: Collection[str] | None
    stages: tuple[str, ...]
    pieces: Mapping[str, str] = field(default_factory=dict)
    """Piece id -> its stage."""
    topics: Collection[str] | None = ()
    sequences: Collection[str] = ()


def gather(
    workspace: Source,
    programme: Source,
    pieces: Mapping[str, str],
    topics: Iterable[str] | None,
    sequences: Iterable[str],
) -> Names:
    """The names in the raw data of all files."""
    return Names(
        attributes=_attributes(workspace) if workspace.data is not None else None,
        forms=[key for _, key, _ in workspace.entries("forms")] if workspace.data is not None else None,
        signals=[key for _, key, _ in programme.entries("signals")] if programme.data is not None else None,
        stages=_stages(programme, pieces),
        pieces=pieces,
        topics=None if topics is None else sorted(set(topics)),
        sequences=sorted(set(sequences)),
    )


def refer(
    source: Source, path: Path, kind: str, name: str, known: Collection[str] | None, *, key: bool = False
) -> bool:
    """Whether there is such a thing; noted where there is none."""
    if known is None or name in known:
        return True
    source.wrong(path, f"there is no {kind} {shown(name)}", partial(nearest, name, known), key=key)
    return False


def _stages(programme: Source, pieces: Mapping[str, str]) -> tuple[str, ...]:
    """In their order; where programme.yaml cannot be read, any folder may be one."""
    written = tuple(word for _, word in programme.words("stages", "order")) or FIRST_STAGES
    return written if programme.data is not None else tuple(dict.fromkeys((*written, *pieces.values())))


def _attributes(workspace: Source) -> dict[str, Declared]:
    found: dict[str, Declared] = {}
    for path, name, about in workspace.entries("attributes"):
        type = workspace.at(*path, "type")
        values = tuple(word for _, word in workspace.words(*path, "values"))
        personal = isinstance(about, dict) and about.get("personal") is True
        found[name] = Declared(type if type in TYPES else "", personal, values)
    return {**found, **BUILT_IN}
