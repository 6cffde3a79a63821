"""One browser for all tests, and a place for its pictures."""

import os
from pathlib import Path

import pytest

from tests.browser.chromium import chromium


@pytest.fixture(scope="session")
def tab(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def pictures(tmp_path):
    """Where the pictures go; NURTURE_PICTURES keeps them for people to look at."""
    folder = Path(os.environ.get("NURTURE_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
