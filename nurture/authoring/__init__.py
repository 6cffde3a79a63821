"""Authored files -> a programme, or problems that name file, line and column with a hint.

`read_files(folder)` -> `load(files, today=...)` -> `Loaded(workspace, problems)`. A workspace holds the
core's `Programme`, the compiled templates and the canonical files; loading those gives the same hash.
"""

from nurture.authoring.problems import Problem
from nurture.authoring.workspace import Loaded, Workspace, load, read_files

__all__ = ["Loaded", "Problem", "Workspace", "load", "read_files"]
