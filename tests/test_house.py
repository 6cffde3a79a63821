"""The house keeps its shape: imports point left, the core is pure, one module reads the clock."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "nurture"

# From left to right; a room may import what stands left of it. Siblings share a line.
ORDER = (
    ("core",),
    ("telling", "drafting"),
    ("authoring", "rendering", "store", "delivery", "intake", "handoffs", "reports"),
    ("engine", "simulation"),
    ("web",),
    ("assembly",),
    ("drivers", "doctor"),
    ("cli",),
)
LEAVES = ("settings", "secrets", "clock", "errors", "failpoints", "testing")
PLACE = {room: place for place, rooms in enumerate(ORDER) for room in rooms}
SHARED = {"store": ("tables",)}
"""Insides that siblings may open: whoever writes SQL needs the tables."""

MODULES = sorted(path for path in ROOT.rglob("*.py") if "shipped" not in path.parts)


def room_of(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            module = node.module or ""
            yield module, node.lineno
            if module.startswith("nurture"):
                yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_left(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    for module, line in imports(path):
        parts = module.split(".")
        if parts[0] != "nurture" or len(parts) == 1:
            continue
        other = parts[1]
        if other in LEAVES or other == room:
            continue
        assert room not in LEAVES, f"{path}:{line}: {room} is a leaf and imports {module}"
        assert other in PLACE, f"{path}:{line}: {module} stands nowhere in the house"
        assert PLACE[other] <= PLACE[room], (
            f"{path}:{line}: {room} imports {module}, which stands to its right"
        )
        if PLACE[other] == PLACE[room] and len(parts) > 2:
            door = (ROOT / other / "__init__.py").read_text()
            assert parts[2] in SHARED.get(other, ()) or parts[2] in door, (
                f"{path}:{line}: {room} imports the inside {module} of its sibling"
            )


@pytest.mark.parametrize("path", sorted((ROOT / "core").glob("*.py")), ids=lambda path: path.name)
def test_core_is_standard_library_only(path: Path) -> None:
    for module, line in imports(path):
        first = module.split(".")[0]
        assert first in sys.stdlib_module_names or module.startswith("nurture.core"), (
            f"{path}:{line}: {module}"
        )
        assert first not in ("random", "logging", "os", "time", "sqlite3", "socket"), (
            f"{path}:{line}: {module}"
        )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_clock_is_read_in_one_place(path: Path) -> None:
    if path.name == "clock.py" and path.parent == ROOT:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            read = ast.unparse(node.func)
            assert read not in (
                "datetime.now",
                "datetime.utcnow",
                "datetime.today",
                "date.today",
                "time.time",
                "time.monotonic",
                "time.perf_counter",
            ), f"{path}:{node.lineno} reads the clock: {read}"


def test_no_module_is_orphaned() -> None:
    """Every module is imported by another, or is a command, a package's door, or an entry point."""
    imported = {module for path in MODULES for module, _ in imports(path)}
    for path in MODULES:
        name = ".".join(("nurture", *path.relative_to(ROOT).with_suffix("").parts))
        if path.name in ("__init__.py", "__main__.py") or name.startswith("nurture.cli."):
            continue
        assert name in imported, f"{path} is imported by nobody"


def test_no_room_without_a_name() -> None:
    forbidden = ("utils", "common", "helpers", "managers", "services", "manager", "helper", "util", "misc")
    for path in MODULES:
        assert path.stem not in forbidden and path.parent.name not in forbidden, path


def test_no_tuple_holds_a_secret() -> None:
    """A named tuple shows all it holds; a dataclass has `field(repr=False)`."""
    secret = re.compile(r"(\w*_?key: bytes|\w*password|secret)\b")
    for path in MODULES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and "NamedTuple" in map(ast.unparse, node.bases):
                fields = [ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign)]
                assert not any(map(secret.match, fields)), f"{path}:{node.lineno} {node.name}"


def test_public_names_say_what_they_are() -> None:
    """Every module, class and function that others may use has a docstring."""
    silent = []
    for path in MODULES:
        tree = ast.parse(path.read_text())
        if path.name != "__init__.py" and ast.get_docstring(tree) is None:
            silent.append(str(path))
        for node in tree.body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_") and ast.get_docstring(node) is None:
                silent.append(f"{path}:{node.lineno} {node.name}")
    assert not silent, "\n".join(silent)
