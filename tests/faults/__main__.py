"""`python -m tests.faults [part of a name]` plays the matrix and prints what came of every fault."""

import sys
import tempfile
from pathlib import Path

import uvloop

from nurture.store import schema
from tests.faults import certificates
from tests.faults.table import FAULTS, PLACES, SECURITIES, Row
from tests.faults.world import Played, Setting, play_all, worlds

MIGRATIONS = Path(__file__).parents[2] / "migrations"


def main() -> None:
    """Play what is asked for, print a line for each fault and security, end with 1 if anything was wrong."""
    asked = " ".join(sys.argv[1:])
    rows = [row for row in FAULTS if asked in f"{row.number} {row.name}"]
    with tempfile.TemporaryDirectory(prefix="nurture-faults-") as folder:
        home = Path(folder)
        template = home / "template.db"
        schema.upgrade(f"sqlite:///{template}", MIGRATIONS)
        (home / "certificates").mkdir()
        authority = certificates.make(home / "certificates")
        setting = Setting(template, home / "certificates", authority, home)
        played = uvloop.run(play_all(worlds(rows), setting))
    show(rows, played)
    wrong = [each for each in played if each.wrong]
    for each in wrong:
        print(f"WRONG {each.world}: {'; '.join(each.wrong)}")
    slowest = max(each.seconds for each in played)
    print(f"{len(played)} worlds, {len(wrong)} wrong; the longest send took {slowest:.1f} s")
    sys.exit(1 if wrong else 0)


def show(rows: list[Row], played: list[Played]) -> None:
    """The matrix as a table in Markdown."""
    found = {(each.world.fault, each.world.place, each.world.security): each for each in played}
    print(f"| # | fault | security | must be | {' | '.join(PLACES)} |\n|{'---|' * (4 + len(PLACES))}")
    for row in rows:
        for security in SECURITIES:
            cells = [found.get((row, place, security)) for place in PLACES]
            told = [("WRONG " if cell.wrong else "") + cell.states if cell else "-" for cell in cells]
            print(
                f"| {row.number} | {row.name} | {security} | {row.expected(security)} | {' | '.join(told)} |"
            )


if __name__ == "__main__":
    main()
