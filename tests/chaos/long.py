"""`make chaos`: each point 20 times, 500 random instants, 100 events on PostgreSQL; then one line a database.

It runs in series, each with a database of its own and a seed after its name. A finished series is a file in
.chaos/, so whoever interrupts it goes on later. Remove the folder to begin anew, or give another seed.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

from tests.chaos import on_postgres, on_sqlite
from tests.chaos.judge import Totals, Verdict

STATE = Path(".chaos")

Played = tuple[Totals | None, str, float]
"""Of one series: its totals, what was not as promised if there are none, and the seconds it took."""


class Kind(NamedTuple):
    """Series of one kind: on which database, how many, and one of them."""

    database: str
    series: int
    play: Callable[[Path, str], Verdict]


KINDS: Mapping[str, Kind] = {
    "postgres": Kind("PostgreSQL", 10, lambda home, seed: on_postgres.chaos(home, seed, 8, 2)),
    "points": Kind("SQLite", 20, on_sqlite.points),
    "random": Kind("SQLite", 20, lambda home, seed: on_sqlite.random_instants(home, seed, 25)),
}


def main() -> None:
    """Play what is not played yet; exit code 1 where anything was not as promised."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seed", default="1", help="another one makes other chaos")
    parser.add_argument("--jobs", type=int, default=2, help="series at a time")
    parser.add_argument(
        "--only", help="one series by its name, such as points-03, played whether or not it was"
    )
    asked = parser.parse_args()
    if asked.only:
        totals, said, _ = play(asked.only, asked.seed)
        if totals is None:
            sys.exit(said)
        print(totals.line(asked.only))
        return
    state = STATE / asked.seed
    state.mkdir(parents=True, exist_ok=True)
    names = [f"{kind}-{number:02}" for kind, what in KINDS.items() for number in range(1, what.series + 1)]
    left = [name for name in names if not (state / f"{name}.json").exists()]
    print(f"{len(names)} series, {len(left)} left; seed {asked.seed}", file=sys.stderr)
    wrong = _play_all(left, asked.seed, asked.jobs, state)
    _show(names, state)
    if wrong:
        sys.exit(f"{len(wrong)} series were not as promised: {', '.join(sorted(wrong))}")


def _play_all(names: list[str], seed: str, jobs: int, state: Path) -> list[str]:
    """Play these; a file for each that went well, the names of the others.

    No more is handed out than is being played: whoever interrupts this waits for those alone.
    """
    wrong: list[str] = []
    left, playing = deque(names), dict[Future[Played], str]()
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        while left or playing:
            while left and len(playing) < jobs:
                name = left.popleft()
                playing[pool.submit(play, name, seed)] = name
            for done in wait(playing, return_when=FIRST_COMPLETED).done:
                name, (totals, said, seconds) = playing.pop(done), done.result()
                if totals is None:
                    wrong.append(name)
                else:
                    (state / f"{name}.json").write_text(json.dumps(totals._asdict()))
                print(f"{name}: {seconds:.0f} s, {said or 'as promised'}", file=sys.stderr, flush=True)
    return wrong


def play(name: str, seed: str) -> Played:
    """One series."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nurture-chaos-") as home:
        try:
            verdict = KINDS[name.partition("-")[0]].play(Path(home), f"{seed} {name}")
        except Exception:
            return None, traceback.format_exc(), time.monotonic() - started
    said = "\n".join(verdict.wrong)
    return None if said else verdict.totals, said, time.monotonic() - started


def _show(names: list[str], state: Path) -> None:
    """One line a database, of all series that were finished."""
    sums = {kind.database: Totals() for kind in KINDS.values()}
    for name in names:
        file = state / f"{name}.json"
        if file.exists():
            database = KINDS[name.partition("-")[0]].database
            sums[database] = sums[database].plus(Totals(**json.loads(file.read_text())))
    for database, totals in sums.items():
        print(totals.line(database))


if __name__ == "__main__":
    main()
