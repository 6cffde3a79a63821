"""Authored files -> a programme, or problems that name file, line and column with a hint.

`read_files(folder)` -> `load(files, today=...)` -> `Loaded(workspace, problems)`. A workspace holds the
core's `Programme`, the compiled templates and the canonical files; loading those gives the same hash.

`refusals(sender, settings, example)` says why nothing may be sent to the world yet (senders.py).

Other files that people write, such as the map of an import, are read as strictly: `decode`, `read_yaml`.
"""

from nurture.authoring.files import hash_of, read_files
from nurture.authoring.fitting import fitted
from nurture.authoring.problems import Problem, nearest, shown
from nurture.authoring.schema import schemas
from nurture.authoring.senders import aligned, is_here, is_reserved, reaches_the_world, refusals
from nurture.authoring.shapes import Shape
from nurture.authoring.source import Path, Source, decode
from nurture.authoring.workspace import Loaded, Workspace, load
from nurture.authoring.yaml import read_yaml

__all__ = [
    "Loaded",
    "Path",
    "Problem",
    "Shape",
    "Source",
    "Workspace",
    "aligned",
    "decode",
    "fitted",
    "hash_of",
    "is_here",
    "is_reserved",
    "load",
    "nearest",
    "reaches_the_world",
    "read_files",
    "read_yaml",
    "refusals",
    "schemas",
    "shown",
]
