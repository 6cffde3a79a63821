"""The authored files of a workspace: which they are, their canonical text, and their hash."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from nurture.authoring import agreement_file, piece_file, programme_file, sequence_file, workspace_file
from nurture.authoring.problems import Problem
from nurture.authoring.source import LARGEST, Files, decode
from nurture.authoring.toml import read_toml, write_toml
from nurture.errors import Mistake
from nurture.settings import PROGRAMME_SECTIONS

SINGLE = (workspace_file.FILE, programme_file.FILE, agreement_file.FILE)
LAYOUTS = "templates/layouts/"
SALES = "templates/sales/"
MAIL = "templates/mail/"
_FOLDERS = (sequence_file.FOLDER.rstrip("/"), piece_file.FOLDER.rstrip("/"))
_ENDINGS = {
    LAYOUTS: (".html",),
    SALES: (".html", ".txt"),
    MAIL: (".html", ".txt"),
    "sequences/": (".yaml",),
    "templates/": (".md", ".html"),
}

MOST_FILES = 2_000
LARGEST_TOGETHER = 20_000_000


def read_files(folder: Path) -> dict[str, bytes]:
    """The authored files of a workspace, by path relative to it. Stories and secrets are not among them.

    Hidden files and editors' backups are left out. Raises Mistake where there is no workspace, a file
    cannot be read, or there are too many.
    """
    if not any((folder / name).is_file() for name in SINGLE):
        raise Mistake(f"{folder.resolve()} is no workspace: nurture init FOLDER makes one")
    found: dict[str, bytes] = {}
    for path in _paths(folder):
        if len(found) >= MOST_FILES:
            raise Mistake(f"{folder.resolve()} has more than {MOST_FILES:,} authored files")
        try:
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = file.read(LARGEST + 1)
        except OSError as wrong:
            raise Mistake(f"{path} cannot be read: {wrong.strerror}") from None
    return found


def _paths(folder: Path) -> Iterator[Path]:
    for name in SINGLE:
        if (folder / name).is_file():
            yield folder / name
    for name in _FOLDERS:
        for path in sorted((folder / name).rglob("*")):
            inside = path.relative_to(folder).parts
            if (
                path.is_file()
                and not any(part.startswith(".") for part in inside)
                and not path.name.endswith("~")
            ):
                yield path


def readable(files: Files, problems: list[Problem]) -> dict[str, str]:
    """The text of every file that is text and stands where an authored file may, in order of their paths."""
    texts: dict[str, str] = {}
    together = 0
    for file in sorted(files):
        together += len(files[file])
        if len(texts) >= MOST_FILES or together > LARGEST_TOGETHER:
            problems.append(
                Problem(file, 1, 1, "", "there are too many files, or they are too large", "remove some")
            )
            break
        text = decode(file, files[file])
        wrong = text if isinstance(text, Problem) else misplaced(file)
        if wrong is not None:
            problems.append(wrong)
        if isinstance(text, str) and (wrong is None or file in SINGLE):
            texts[file] = text
    return texts


def misplaced(file: str) -> Problem | None:
    """What is wrong with a file's place or ending."""
    if file in SINGLE:
        return None
    path = PurePosixPath(file)
    folder = f"{path.parent.as_posix()}/"
    if path.is_absolute() or ".." in path.parts:
        return Problem(file, 1, 1, "", "stands outside the workspace", "remove it")
    depth = len(path.parts)
    known = folder if folder in _ENDINGS and depth == folder.count("/") + 1 else f"{path.parts[0]}/"
    wanted = {"sequences/": 2, "templates/": 3, LAYOUTS: 3, SALES: 3, MAIL: 3}.get(known)
    if wanted != depth:
        return Problem(
            file, 1, 1, "", "is not a place for an authored file", "pieces stand in templates/STAGE/"
        )
    if path.suffix not in _ENDINGS[known]:
        return Problem(
            file, 1, 1, "", f'ends in "{path.suffix[:12]}"', "rename it to " + " or ".join(_ENDINGS[known])
        )
    return None


def canonical(texts: Mapping[str, str], workspace: Mapping[str, Any]) -> dict[str, str]:
    """The text that is stored: as written, but of nurture.toml only what is the programme's."""
    ours = {name: workspace[name] for name in PROGRAMME_SECTIONS if name in workspace}
    return {**dict(sorted(texts.items())), workspace_file.FILE: write_toml(ours)}


def hash_of(files: Files) -> str | None:
    """The hash of the workspace that these files make, if nothing in them is wrong; found without looking.

    None where they cannot be read at all.
    """
    problems: list[Problem] = []
    texts = readable(files, problems)
    data = read_toml(workspace_file.FILE, texts.get(workspace_file.FILE, "")).data
    ours = [data.get(name, {}) for name in PROGRAMME_SECTIONS] if isinstance(data, dict) else [None]
    if problems or not all(isinstance(section, dict) for section in ours):
        return None
    return content_hash(canonical(texts, data))


def content_hash(files: Mapping[str, str]) -> str:
    """sha256 over paths and texts, in order of the paths."""
    total = sha256()
    for file in sorted(files):
        for part in (file, files[file]):
            raw = part.encode()
            total.update(len(raw).to_bytes(8, "big") + raw)
    return total.hexdigest()
