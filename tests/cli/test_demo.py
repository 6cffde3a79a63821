"""The demo as a newcomer runs it: what it promises, twice the same, and what the README shows of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "nurture.cli", "demo", "--folder", folder.name, *options]
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder.parent, env=here, capture_output=True, text=True, timeout=600, check=False
    )


def demo(folder: Path, *options: str) -> str:
    done = run(folder, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_sixty_days_are_as_the_readme_shows_them(tmp_path: Path) -> None:
    printed = [line.rstrip() for line in demo(tmp_path / "demo").splitlines()]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.split("<!-- demo -->\n```text\n$ nurture demo\n")[1].split("```")[0]
    rest = iter(printed)
    for line in block.splitlines():
        assert line in rest, f"the README shows {line!r}, in this place the demo does not"
    assert len(list((tmp_path / "demo" / "mails").glob("*.eml"))) > 1000


@pytest.mark.slow
def test_what_it_promises_and_twice_the_same(tmp_path: Path) -> None:
    first = json.loads(demo(tmp_path / "a", "--days", "9", "--json"))
    assert first == json.loads(demo(tmp_path / "a", "--days", "9", "--json"))  # also over an earlier demo
    assert first["prospects"] == 300
    assert first["promoted"] >= 10
    assert first["promoted_by_persona"]["scanner"] == first["promoted_by_persona"]["never-buyer"] == 0
    assert sum(first["promoted_by_persona"].values()) == first["promoted"] <= first["handed_off"]
    assert first["machine_hits"] > 0 and first["clicks"] > 0
    assert first["suppressed"] >= 1
    assert first["duplicates"] == first["verify"] == first["touches_failed"] == 0
    other = json.loads(demo(tmp_path / "b", "--days", "2", "--seed", "2", "--json"))
    assert other["verify"] == 0 and other["touches_sent"] > 0


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear diary")
    done = run(tmp_path / "mine")
    assert done.returncode == 1
    assert "mine is not empty" in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear diary"
