"""How fast a list comes in: `python benchmarks/imports.py`.

The real command, `nurture import prospects`, as a process of its own on a fresh workspace with SQLite: a
generated list, then the same list again, which changes nothing. Rows per second of the whole command, the
median of some rounds, beside what reading the file with the csv module alone takes.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from nurture.assembly import begin
from nurture.secrets import write_secrets
from nurture.simulation.crowd import MAP, crowd, write_list

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "from nurture.cli import main; main()"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    rounds = [one_round(asked.rows) for _ in range(asked.rounds)]
    print(f"{asked.rows:,} rows\n{'':36}{'rows/s':>9}{'seconds':>9}{'range':>15}")
    for number, name in enumerate(("csv module alone", "first import", "the same list again")):
        seconds = sorted(each[number] for each in rounds)
        middle = statistics.median(seconds)
        extent = f"{seconds[0]:.2f}..{seconds[-1]:.2f}"
        print(f"{name:36}{asked.rows / middle:9,.0f}{middle:9.2f}{extent:>15}")


def one_round(rows: int) -> tuple[float, float, float]:
    """Seconds to read the file, to import it, and to import it once more."""
    with tempfile.TemporaryDirectory(prefix="nurture-bench-") as name:
        folder = Path(name) / "workspace"
        begin(folder)
        write_secrets(folder)
        people = crowd(1)
        (folder / "map.yaml").write_text(MAP % "2026-09-01", encoding="utf-8")
        many = [
            people[n % len(people)]._replace(address=f"{n}.{people[n % len(people)].address}")
            for n in range(rows)
        ]
        write_list(many, folder / "people.csv")
        nurture(folder, "prospect", "list", "--json")  # the schema and the programme
        start = time.perf_counter()
        with (folder / "people.csv").open(newline="", encoding="utf-8") as file:
            read = sum(1 for _ in csv.DictReader(file))
        alone = time.perf_counter() - start
        first, again = imported(folder), imported(folder)
        if (read, first[1], again[1]) != (rows, rows, 0):
            sys.exit(f"{rows} rows: {read} read, {first[1]} new, then {again[1]} new")
        return alone, first[0], again[0]


def imported(folder: Path) -> tuple[float, int]:
    """Seconds of one import, and how many people were new."""
    start = time.perf_counter()
    said = nurture(folder, "import", "prospects", "people.csv", "--map", "map.yaml", "--json")
    return time.perf_counter() - start, int(json.loads(said)["new"])


def nurture(folder: Path, *words: str) -> str:
    """What a command prints."""
    there = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*COMMAND, *words], check=False, cwd=folder, env=there, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        sys.exit(f"nurture {' '.join(words)}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
