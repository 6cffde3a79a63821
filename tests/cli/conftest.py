"""Fresh workspaces: prepared once, copied for each test."""

import shutil
from pathlib import Path

import pytest

from tests.cli.workspace import LIST, MAP, Place


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two workspaces: `begun` after `nurture init`, `woken` after an import and a wake."""
    folder = tmp_path_factory.mktemp("workspaces")
    with pytest.MonkeyPatch.context() as monkeypatch:
        Place(folder, monkeypatch).ok("init", "begun")
        (folder / "begun/leads.csv").write_text(LIST)
        (folder / "begun/map.yaml").write_text(MAP)
        shutil.copytree(folder / "begun", folder / "woken")
        woken = Place(folder / "woken", monkeypatch)
        woken.ok("import", "prospects", "leads.csv", "--map", "map.yaml")
        woken.ok("wake")
    return folder


@pytest.fixture
def place(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """`nurture init`, and nothing else."""
    return Place(shutil.copytree(prepared / "begun", tmp_path / "mine"), monkeypatch)


@pytest.fixture
def people(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Ada, Bo and Cy are in, and have been looked at; Ada and Bo have got a message."""
    return Place(shutil.copytree(prepared / "woken", tmp_path / "mine"), monkeypatch)
