"""Chaos, the short version: each point once, some random instants, three daemons on one PostgreSQL.

`make chaos` is the long one. The numbers that it prints are those of this test, many times.
"""

from pathlib import Path

import pytest

from nurture.failpoints import POINTS
from tests.chaos import on_postgres, on_sqlite
from tests.chaos.judge import Verdict
from tests.chaos.world import CONNECTIONS
from tests.conftest import BINARIES, NO_POSTGRES

pytestmark = pytest.mark.slow

RANDOM = 15
KILLS, CRASHES = 6, 2


def held(verdict: Verdict, cycles: int, database: str) -> None:
    """What is promised, and that there was something to judge."""
    totals = verdict.totals
    print(totals.line(database))
    assert verdict.wrong == ()
    assert totals.cycles == cycles
    assert (totals.duplicates, totals.lost) == (0, 0)
    assert totals.most <= CONNECTIONS
    assert totals.in_doubt <= cycles * CONNECTIONS
    assert totals.accepted > 3 * cycles


@pytest.mark.parametrize("half", [0, 1])
def test_killed_at_every_point(half: int, tmp_path: Path) -> None:
    some = list(POINTS)[half::2]
    some = [point for point in some if point not in on_sqlite.AT_BIRTH]
    held(on_sqlite.points(tmp_path, f"points {half}", some), len(some) + len(on_sqlite.AT_BIRTH), "SQLite")


def test_killed_at_random_instants(tmp_path: Path) -> None:
    held(on_sqlite.random_instants(tmp_path, "random", RANDOM), RANDOM, "SQLite")


@pytest.mark.postgres
def test_three_on_one_postgresql(tmp_path: Path) -> None:
    if not (BINARIES / "pg_ctl").exists():
        pytest.skip(NO_POSTGRES)
    verdict = on_postgres.chaos(tmp_path, "three", KILLS, CRASHES)
    held(verdict, KILLS + CRASHES, "PostgreSQL")
