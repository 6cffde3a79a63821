"""templates/<stage>/*: one file a piece of content, its front matter and its compiled text."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator, StringConstraints, WithJsonSchema

from nurture.authoring.conditions import read_condition
from nurture.authoring.names import Names, refer
from nurture.authoring.problems import Unreadable, shown
from nurture.authoring.shapes import ConditionShape, FixedDay, Shape, Text
from nurture.authoring.source import Source
from nurture.authoring.words import fixed_day
from nurture.core.programme import Piece
from nurture.rendering import Source as Parts

FOLDER = "templates/"
NO_LAYOUT = "none"
"""The layout of a piece that is a whole HTML document."""


def _url(value: object) -> str:
    text = value if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        whole = text.startswith("/") and not text.startswith("//")
        whole = whole or (parts.scheme in ("http", "https") and bool(parts.hostname))
    except ValueError:
        whole = False
    if not whole or not text.isprintable() or " " in text:
        raise Unreadable(f"{shown(value)} is neither a path nor an address", 'try "/guides/cost"')
    if parts.query or parts.fragment:
        raise Unreadable(f"{shown(value)} has a ? or #, which tells no pages apart", "write the path alone")
    return text.rstrip("/") or "/"


Url = Annotated[str, PlainValidator(_url), WithJsonSchema({"type": "string", "examples": ["/guides/cost"]})]
OneLine = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[^\n]*\S[^\n]*$")]


class FrontMatterShape(Shape):
    """The front matter of a piece, between two lines of three dashes."""

    title: OneLine = Field(description="What it is called; templates know it as piece.title")
    subject: OneLine = Field(description="The mail's subject")
    preheader: OneLine | None = Field(default=None, description="The line shown beside the subject")
    topics: list[Text] = Field(default=[], max_length=20, description="What it is about")
    answers: str = Field(default="", description="The objection it answers")
    asks: str = Field(default="", description="The one commitment it asks for")
    url: Url | None = Field(default=None, description="Its page; a click to it or a view there is reading it")
    needs: list[Text] = Field(default=[], description="Pieces that must have been sent or read before")
    when: ConditionShape | None = Field(default=None, description="For whom it is; unknown is not for them")
    publish_on: FixedDay | None = Field(default=None, description="Not sent before this day")
    expires_on: FixedDay | None = Field(default=None, description="Not sent from this day on")
    layout: Text = Field(
        default="plain", description="A file of templates/layouts, or none for a whole document"
    )


@dataclass(frozen=True, slots=True)
class PieceFile:
    """A piece's file, taken apart."""

    id: str
    stage: str
    source: Source
    """Its front matter."""
    text: str
    parts: Parts

    @property
    def file(self) -> str:
        """Its path in the workspace."""
        return self.source.file


def stage_and_id(file: str) -> tuple[str, str]:
    """What the path says: `templates/early/cost.md` is piece `cost` of stage `early`."""
    path = PurePosixPath(file)
    return path.parent.name, path.stem


def build_piece(
    piece: PieceFile,
    *,
    shape: FrontMatterShape,
    names: Names,
    hosts: tuple[str, ...],
    layout: str,
    uses: tuple[str, ...],
) -> Piece:
    """The core's piece. `layout` is the layout's text, which its hash covers."""
    return Piece(
        id=piece.id,
        stage=piece.stage,
        title=shape.title,
        topics=tuple(dict.fromkeys(shape.topics)),
        answers=shape.answers,
        asks=shape.asks,
        url=own_path(shape.url or "", hosts),
        needs=tuple(shape.needs),
        when=read_condition(piece.source, ("when",), names) if shape.when is not None else None,
        publish_on=shape.publish_on,
        expires_on=shape.expires_on,
        uses=uses,
        hash=sha256(f"{piece.text}\0{layout}".encode()).hexdigest()[:16],
    )


def own_path(url: str, hosts: tuple[str, ...]) -> str:
    """An address on one of our hosts as its path, so that it is one page however it is written."""
    parts = urlsplit(url)
    return parts.path or "/" if parts.hostname in hosts else url


def check_piece(source: Source, names: Names, layouts: frozenset[str], today: date) -> None:
    """What must fit together: the layout, the pieces it needs, its condition, its dates."""
    layout = source.at("layout")
    if source.data is not None and (layout is None or isinstance(layout, str)) and layout != NO_LAYOUT:
        refer(source, ("layout",), "layout", layout or "plain", sorted(layouts))
    for place, name in source.words("needs"):
        refer(source, place, "piece", name, names.pieces)
    if isinstance(source.at("when"), dict):
        read_condition(source, ("when",), names)
    opens, ends = _day(source.at("publish_on")), _day(source.at("expires_on"))
    if opens and ends and ends <= opens:
        source.wrong(("expires_on",), "it expires before it is published", "choose a later day")
    elif ends and ends <= today:
        source.wrong(
            ("expires_on",),
            "it has expired and is not sent any more",
            "choose a later day, or delete it",
            warning=True,
        )


def check_together(pieces: list[PieceFile], said: frozenset[str] | None, hosts: tuple[str, ...]) -> None:
    """What must differ between pieces or be reached: ids, urls, sequences, needs that go round.

    `said` are all words of all sequences' `say`; None where a sequence could not be read.
    """
    ids: dict[str, str] = {}
    urls: dict[str, str] = {}
    for piece in pieces:
        if piece.id in ids:
            piece.source.wrong((), f"the id {shown(piece.id)} is that of {ids[piece.id]}", "rename this file")
        elif (
            said is not None
            and piece.id not in said
            and not said & {word for _, word in piece.source.words("topics")}
        ):
            hint = "add it to say: of a sequence, or delete the file"
            piece.source.wrong((), f"no sequence says {shown(piece.id)}", hint)
        ids.setdefault(piece.id, piece.file)
        url = _readable_url(piece.source.at("url"), hosts)
        if url and url in urls:
            piece.source.wrong(
                ("url",), f"the url {shown(url)} is that of {urls[url]}", "one page belongs to one piece"
            )
        elif url:
            urls[url] = piece.file
    _check_circles({piece.id: piece for piece in pieces})


def _check_circles(pieces: dict[str, PieceFile]) -> None:
    """A piece that comes back to itself by what it needs can never be sent. Each circle is told once."""
    needs = {
        id: [word for _, word in piece.source.words("needs") if word in pieces]
        for id, piece in pieces.items()
    }
    told: set[str] = set()
    for id, piece in pieces.items():
        trail = _way_back(id, needs)
        if trail and not told & set(trail):
            told.update(trail)
            way = " -> ".join([id, *trail][:8])
            piece.source.wrong(("needs",), f"needs itself in a circle: {way}", "remove one of these needs")


def _way_back(start: str, needs: dict[str, list[str]]) -> list[str]:
    """The ids from `start` back to it, or nothing. Every piece is visited once."""
    came_from: dict[str, str] = {}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for need in needs[here]:
            if need not in came_from:
                came_from[need] = here
                waiting.append(need)
    if start not in came_from:
        return []
    trail = [start]
    while came_from[trail[0]] != start:
        trail.insert(0, came_from[trail[0]])
    return trail


def _readable_url(value: object, hosts: tuple[str, ...]) -> str:
    try:
        return own_path(_url(value), hosts) if value is not None else ""
    except Unreadable:
        return ""


def _day(value: object) -> date | None:
    try:
        return fixed_day(value)
    except Unreadable:
        return None
