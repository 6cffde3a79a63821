"""Compiling the texts of pieces and notes, with the rendering package's problems as ours."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from nurture import rendering
from nurture.authoring.names import Names
from nurture.authoring.piece_file import NO_LAYOUT, PieceFile
from nurture.authoring.problems import Problem, nearest, shown
from nurture.core.programme import Sender, Site


class Compiler(Protocol):
    """Makes a note of its two files. Raises TemplateProblems."""

    def __call__(self, html: str, text: str, *, path: str) -> rendering.PacketTemplate: ...


def compile_text(
    piece: PieceFile, layouts: Mapping[str, str], sender: Sender, site: Site, problems: list[Problem]
) -> rendering.Template | None:
    """The compiled text of a piece, or None and what is wrong with it."""
    front = piece.source
    layout = front.at("layout") if isinstance(front.at("layout"), str) else "plain"
    if layout != NO_LAYOUT and layout not in layouts:
        return None
    try:
        return rendering.compile_piece(
            piece.file,
            piece.parts,
            subject=_words(piece, "subject"),
            preheader=_words(piece, "preheader"),
            title=_words(piece, "title").text,
            layout=None if layout == NO_LAYOUT else layout,
            layouts=layouts,
            sender=sender,
            site=site,
        )
    except rendering.TemplateProblems as wrong:
        problems += ours(wrong.problems)
        return None


def compile_notes(
    texts: Mapping[str, str], folder: str, compiler: Compiler, problems: list[Problem]
) -> dict[str, rendering.PacketTemplate]:
    """The notes of a folder, by name: `packet.html` and `packet.txt` are one."""
    found: dict[str, rendering.PacketTemplate] = {}
    inside = [file.removeprefix(folder) for file in texts if file.startswith(folder)]
    for name in sorted({file.rsplit(".", 1)[0] for file in inside}):
        path = f"{folder}{name}"
        html, text = texts.get(f"{path}.html"), texts.get(f"{path}.txt")
        if html is None or text is None:
            missing, there = ("html", "txt") if html is None else ("txt", "html")
            what = f"has no {name}.{missing} beside it"
            problems.append(Problem(f"{path}.{there}", 1, 1, "", what, "a note is written in both"))
            continue
        try:
            found[name] = compiler(html, text, path=path)
        except rendering.TemplateProblems as wrong:
            problems += ours(wrong.problems)
    return found


def check_names(template: rendering.Template, names: Names) -> Iterable[Problem]:
    """Every attribute that a text names is declared."""
    if names.attributes is None:
        return
    for name in template.names:
        if name.attribute not in names.attributes:
            what = f"there is no attribute {shown(name.attribute)}"
            hint = nearest(name.attribute, names.attributes)
            yield Problem(name.path, name.line, name.column, f"prospect.{name.attribute}", what, hint)


def ours(problems: Iterable[rendering.TemplateProblem], *, warning: bool = False) -> list[Problem]:
    """The rendering package's problems as ours."""
    return [Problem(one.path, one.line, one.column, "", one.what, one.hint, warning) for one in problems]


def _words(piece: PieceFile, key: str) -> rendering.Words:
    """A value of the front matter with the place of its first letter, behind the quote if there is one."""
    value = piece.source.at(key)
    if key == "subject" and value is None:
        return rendering.Words("-")  # that it is missing is told with the front matter
    line, column = piece.source.places.of((key,))
    written = piece.text.split("\n")[line - 1][column - 1 : column]
    return rendering.Words(value if isinstance(value, str) else "", line, column + (written in ('"', "'")))
