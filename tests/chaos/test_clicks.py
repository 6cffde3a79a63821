"""kill -9 under click load, the short version; `python -m tests.chaos.clicks` is the long one."""

from pathlib import Path

import pytest

from tests.chaos.clicks import kill_under_load

CYCLES = 3


@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])]
)
def test_every_answered_click_and_open_is_kept(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue("postgres_database") if database == "postgres" else ""
    verdict = kill_under_load(tmp_path, "short", CYCLES, url)
    print(verdict.line())
    assert (verdict.lost, verdict.doubled, verdict.refused) == ((), (), 0)
    assert verdict.answered > 20 * CYCLES
    assert verdict.kept >= verdict.answered
