"""Fail points: list and code say the same; one that is off costs next to nothing, one that is on acts."""

import os
import re
import subprocess
import sys
import timeit
from pathlib import Path

import pytest

from nurture import failpoints
from nurture.errors import Mistake

ROOT = Path(__file__).parents[2]
SOURCES = (*ROOT.glob("nurture/**/*.py"), *ROOT.glob("migrations/**/*.py"))


HIT = re.compile(r'failpoints\.hit(?:\(|, )"([^"]+)"\)')


def test_every_hit_names_its_point() -> None:
    for path in SOURCES:
        text = path.read_text()
        assert text.count("failpoints.hit") == len(HIT.findall(text)), path


def test_the_list_and_the_code_name_the_same_points() -> None:
    assert {name for path in SOURCES for name in HIT.findall(path.read_text())} == set(failpoints.POINTS)


def test_the_list_can_be_printed() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "nurture.failpoints"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert [line.split()[0] for line in printed] == list(failpoints.POINTS)
    assert len(printed) > 28
    assert all(len(line.split()) > 3 for line in printed)


def test_a_point_that_is_off_costs_about_as_much_as_calling_nothing() -> None:
    """40 ns beside 20 ns on the machine where it was written."""

    def nothing(name: str) -> None:
        pass

    def cost(call: object) -> float:
        return min(timeit.repeat("call('smtp.body')", globals={"call": call}, number=20_000, repeat=20))

    assert cost(failpoints.hit) < 5 * cost(nothing)


REFUSED = ("", "smtp.mail", "smtp.mail:1", "mail:1:kill", "smtp.mail:0:kill", "smtp.mail:x:kill")


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_armed_is_refused(text: str) -> None:
    with pytest.raises(Mistake, match="name:count:action"):
        failpoints.read(text)


PROGRAM = """
from nurture import failpoints
for number in range(5):
    failpoints.hit("smtp.rcpt")
    failpoints.hit("smtp.mail")
    print(number, flush=True)
"""


def armed(point: str) -> "subprocess.Popen[str]":
    """A small program that reaches points five times."""
    environment = {**os.environ, failpoints.VARIABLE: point, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", PROGRAM]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)


def test_an_armed_point_kills_when_it_is_reached_often_enough() -> None:
    with armed("smtp.mail:3:kill") as running:
        assert running.communicate(timeout=30)[0].split() == ["0", "1"]
    assert running.returncode == -9


def test_an_armed_point_freezes() -> None:
    with armed("smtp.mail:2:stop") as running:
        _, status = os.waitpid(running.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        running.kill()
        assert running.communicate(timeout=30)[0].split() == ["0"]
