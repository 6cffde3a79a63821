"""A workspace in which anybody may be written to at any hour, made once."""

from pathlib import Path

import pytest

from tests.ops.living import mine, populate
from tests.shell.daemon_world import begin


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It has not been used yet."""
    return begin(tmp_path_factory.mktemp("ops"))


@pytest.fixture(scope="session")
def twelve(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people are in it, nobody has been looked at yet."""
    return populate(begun, tmp_path_factory.mktemp("twelve") / "mine", 12)


@pytest.fixture
def folder(twelve: Path, tmp_path: Path) -> Path:
    """A copy of it with a port of its own."""
    return mine(twelve, tmp_path / "mine")
