"""`nurture import prospects` in a workspace of its own, as a person runs it."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

LIST = """E-mail;First name;Job;Staff;Created;Do not mail
Ada@Acme.example;Ada;CFO;1.250;12.02.2026;no
ben@beta.example;Ben;Emperor;-;13.02.2026;no
di@delta.example;Di;CFO;80;15.02.2026;yes
"""
MAP = """email: E-mail
source: webinar-month-end
kind: content
basis: legitimate_interest
date: {column: Created}
columns: {First name: first_name, Job: role, Staff: employees}
values: {Job: {CFO: finance-director}}
blank: ["-"]
decimal: ","
do_not_mail: {column: Do not mail, when: [Yes]}
"""
COUNTS = {"rows": 3, "new": 2, "changed": 0, "unchanged": 0, "duplicates": 0, "rejected": 1, "suppressed": 1}
NURTURE = [sys.executable, "-m", "nurture.cli"]
ROOT = Path(__file__).parents[2]


def nurture(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*NURTURE, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    made = nurture(tmp_path, "init", "mine")
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "mine"
    (folder / "leads.csv").write_text(LIST)
    (folder / "map.yaml").write_text(MAP)
    return folder


def test_from_nothing_to_a_list_that_is_in(workspace: Path) -> None:
    command = ["import", "prospects", "leads.csv", "--map", "map.yaml"]
    tried = nurture(workspace, *command, "--dry-run", "--json")
    assert {**json.loads(tried.stdout), **COUNTS} == json.loads(tried.stdout), tried.stderr
    done = nurture(workspace, *command)
    assert done.returncode == 0, done.stderr
    counts = {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines()}
    assert counts == COUNTS
    assert "see leads.rejects.csv" in done.stdout
    assert "Next: correct leads.rejects.csv" in done.stderr
    again = json.loads(nurture(workspace, *command, "--json").stdout)
    assert (again["new"], again["changed"], again["unchanged"]) == (0, 0, 2)


@pytest.mark.parametrize(
    ("file", "map", "told"),
    [
        ("leads.csv", "nothing.yaml", "Cannot read nothing.yaml"),
        ("nothing.csv", "map.yaml", "Cannot read nothing.csv"),
        ("map.yaml", "leads.csv", "leads.csv:1:1"),
        ("nurture.db", "map.yaml", "nurture.db is not text"),
        ("leads.csv", "wrong.yaml", 'wrong.yaml:2:1  sorce  unknown key "sorce"  did you mean "source"?'),
    ],
)
def test_a_mistake_is_told_in_a_sentence(workspace: Path, file: str, map: str, told: str) -> None:
    (workspace / "wrong.yaml").write_text(MAP.replace("source", "sorce"))
    ended = nurture(workspace, "import", "prospects", file, "--map", map)
    assert ended.returncode == 1
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_terminal_sees_a_bar(workspace: Path) -> None:
    rows = "".join(f"p{number}@acme.example;P;;;01.02.2026;\n" for number in range(3000))
    (workspace / "leads.csv").write_text(LIST + rows)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"}
    run = subprocess.Popen(
        [*NURTURE, "import", "prospects", "leads.csv", "--map", "map.yaml"],
        cwd=workspace, env=environment, stdout=subprocess.DEVNULL, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        while more := os.read(ours, 4096):
            seen += more
    except OSError:  # the terminal's other end is closed
        pass
    os.close(ours)
    assert run.wait(30) == 0
    assert b"leads.csv" in seen
    assert "━".encode() in seen
    assert b"kB" in seen
